// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// TLSClient is how a director speaks TLS to a real server: by version 1.2 or 1.3, and without a certificate of its own. It verifies the real
// server's certificate unless it is told not to.
//
// +kubebuilder:validation:XValidation:rule="!has(self.caBundle) || !has(self.insecureSkipVerify) || !self.insecureSkipVerify",message="insecureSkipVerify verifies nothing: leave caBundle out"
type TLSClient struct {
	// serverName is the name that the real server is asked for (SNI) and that its certificate has to hold, a DNS name or an IP address.
	// Default: the host of http without its port, else the address that is checked.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9._:-]+$')",message="serverName must be a DNS name or an IP address without a port, for example shop.example.com"
	ServerName string `json:"serverName,omitempty"`
	// caBundle is the certificates of the authorities (CA) that may have signed the real server's, as PEM text of up to 16 KiB. With one that
	// cannot be read no virtual service of the pool is carried out (HealthCheckInvalid). Default: the public authorities that the agent's
	// image knows.
	// +optional
	// +kubebuilder:validation:MaxLength=16384
	// +kubebuilder:validation:XValidation:rule="self.contains('-----BEGIN CERTIFICATE-----') && self.contains('-----END CERTIFICATE-----') && !self.contains('PRIVATE KEY-----')",message="caBundle must be certificates in PEM (-----BEGIN CERTIFICATE-----), and no private keys"
	CABundle string `json:"caBundle,omitempty"`
	// insecureSkipVerify takes any certificate, as keepalived does; default false.
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}
