// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// ProbeMarks is a range of firewall marks for health checks.
//
// +kubebuilder:validation:XValidation:rule="self.first <= self.last",message="first must not be greater than last"
type ProbeMarks struct {
	// first mark, 1 to 4294967295. Take a range in which nothing else on the directors marks packets: not kube-proxy, nor a network plugin.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4294967295
	First int64 `json:"first"`
	// last mark, first to 4294967295: there should be twice as many as real servers.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4294967295
	Last int64 `json:"last"`
}
