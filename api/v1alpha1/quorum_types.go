// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Quorum is how much of a pool has to be healthy for a virtual service to serve as it should.
//
// +kubebuilder:validation:XValidation:rule="(has(self.hysteresis) ? self.hysteresis : 0) < (has(self.weight) ? self.weight : 1)",message="hysteresis must be less than weight: the quorum could never be lost otherwise"
type Quorum struct {
	// weight is the sum of the weights of healthy real servers that is needed, 1 (default) to 268435456. keepalived calls it quorum.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=268435456
	Weight *int32 `json:"weight,omitempty"`
	// hysteresis is by how much the sum has to fall below weight before the quorum is lost, and to rise above it before it is back: 0
	// (default) to weight - 1. keepalived calls it hysteresis.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Hysteresis int32 `json:"hysteresis,omitempty"`
	// withdrawAddress takes the virtual IP from the Active director's interface while the quorum of any of its ports is lost, and brings it
	// back with the quorum: clients and routers then find nobody there, instead of refused connections. Other services on the same virtual
	// IP go with it. false (default): the virtual IP stays.
	// +optional
	WithdrawAddress bool `json:"withdrawAddress,omitempty"`
}

// SorryServer serves while the real servers cannot. It is not checked. It may be a real server of this pool or of another one.
type SorryServer struct {
	// address of the sorry server, IPv4 or IPv6 in canonical form.
	// +required
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip.isCanonical(self) && (ip(self).isGlobalUnicast() || ip(self).isLoopback())",message="must be a unicast IPv4 or IPv6 address in canonical form that is not link-local, for example 192.0.2.10 or 2001:db8::10"
	Address IPAddress `json:"address"`
	// port of the sorry server, 1 to 65535. Default: the port of the virtual service. Only NAT can change the port.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`
	// forwardingMethod to the sorry server, in place of the virtual service's: DirectRouting, Tunnel or NAT. With the first two it needs
	// the virtual IP as a real server does; the pool's setup says who sees to that.
	// +optional
	// +kubebuilder:validation:Enum=DirectRouting;Tunnel;NAT
	ForwardingMethod ForwardingMethod `json:"forwardingMethod,omitempty"`
	// tunnel is how packets to it are wrapped, in place of the virtual service's, where the method is Tunnel.
	// +optional
	Tunnel *TunnelOptions `json:"tunnel,omitempty"`
}
