// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// GRPCCheck passes when the health service of the real server (method Check of grpc.health.v1.Health) answers SERVING.
type GRPCCheck struct {
	// service that is asked for, as the real server's health service names it; default "", the whole server.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^[!-~]*$')",message="service must be printable ASCII without spaces, for example shop.Orders"
	Service string `json:"service,omitempty"`
	// tls asks over TLS, which may be {}. Absent: without TLS.
	// +optional
	TLS *TLSClient `json:"tls,omitempty"`
}
