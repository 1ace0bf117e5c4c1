// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AddressPool is a set of addresses, and who may use them.
type AddressPool struct {
	// name of the pool, unique in the group.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// cidrs are the pool's addresses, IPv4 or IPv6, for example 192.0.2.0/24, 192.0.2.10/32 or 2001:db8::/64.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self) && cidr(self) == cidr(self).masked()",message="must be a network in CIDR notation with its host bits zero, for example 192.0.2.0/24 or 2001:db8::/64"
	CIDRs []CIDR `json:"cidrs"`
	// namespaceSelector selects the namespaces whose virtual services may use the pool. Empty selects all; absent selects
	// none.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
}

// CIDR is an IPv4 or IPv6 network in CIDR notation, with its host bits zero. Where users write it, CEL checks that; see [IPAddress].
//
// +kubebuilder:validation:MaxLength=43
type CIDR string
