// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RealServerPool says who serves: the real servers, their weights, and how the directors check them.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=rsp,categories=lvs
// +kubebuilder:printcolumn:name="Members",type=integer,JSONPath=`.status.members`
// +kubebuilder:printcolumn:name="Services",type=integer,JSONPath=`.status.virtualServices`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RealServerPool struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec lists the real servers and how they are checked and set up.
	// +required
	Spec RealServerPoolSpec `json:"spec"`
	// status counts what the controller made of the spec. Written by the controller.
	// +optional
	Status RealServerPoolStatus `json:"status,omitempty"`
}

// RealServerPoolSpec is what the user wants of a pool of real servers.
type RealServerPoolSpec struct {
	// members are the real servers. No member: the virtual services of the pool refuse connections.
	// +optional
	// +listType=map
	// +listMapKey=address
	// +kubebuilder:validation:MaxItems=4096
	Members []Member `json:"members,omitempty"`

	// healthCheck is how each director checks each real server. Absent: real servers are taken as healthy, unchecked.
	// +optional
	HealthCheck *HealthCheck `json:"healthCheck,omitempty"`

	// setup says who prepares the real servers for DirectRouting and Tunnel: Automatic (default): on members that are nodes
	// of this cluster the agent puts the virtual IP on lo and sets arp_ignore=1 and arp_announce=2 on lo and all; Manual: the
	// user does it. For DirectRouting that is all. For Tunnel, Automatic does no more than that either: the user still sets up
	// tunl0 (module ipip, link up) and its rp_filter (0 on tunl0 and all, or 2 on tunl0).
	// +optional
	// +kubebuilder:default=Automatic
	// +kubebuilder:validation:Enum=Automatic;Manual
	Setup RealServerSetup `json:"setup,omitempty"`
}

// RealServerSetup says who prepares the nodes of a pool's members.
type RealServerSetup string

// Values of RealServerSetup.
const (
	// SetupAutomatic: the agent on the member's node does it.
	SetupAutomatic RealServerSetup = "Automatic"
	// SetupManual: the user does it.
	SetupManual RealServerSetup = "Manual"
)

// Member is one real server.
//
// +kubebuilder:validation:XValidation:rule="(has(self.lowerThreshold) ? self.lowerThreshold : 0) <= (has(self.upperThreshold) ? self.upperThreshold : 0)",message="lowerThreshold needs an upperThreshold that is not less"
type Member struct {
	// address of the real server (RIP), IPv4 or IPv6 in canonical form.
	// +required
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip.isCanonical(self) && (ip(self).isGlobalUnicast() || ip(self).isLoopback())",message="must be a unicast IPv4 or IPv6 address in canonical form that is not link-local, for example 192.0.2.10 or 2001:db8::10"
	Address IPAddress `json:"address"`
	// weight is the real server's share, 0 to 65535, default 1. At 0 no new connections come, and those that exist go on.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	Weight *int32 `json:"weight,omitempty"`
	// port of the real server, 1 to 65535. Default: the port of the virtual service. Only NAT can change the port:
	// DirectRouting and Tunnel hand packets on unchanged, so there the port must be the virtual service's, and a service by firewall
	// mark takes none. A service with persistence by firewall mark or on port 0 leaves every connection its port.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`
	// forwardingMethod of this real server, in place of the virtual service's: DirectRouting, Tunnel or NAT.
	// +optional
	// +kubebuilder:validation:Enum=DirectRouting;Tunnel;NAT
	ForwardingMethod ForwardingMethod `json:"forwardingMethod,omitempty"`
	// tunnel is how packets to this real server are wrapped, in place of the virtual service's, where the method is Tunnel.
	// +optional
	Tunnel *TunnelOptions `json:"tunnel,omitempty"`
	// upperThreshold is the number of connections, 0 to 2147483647, at which the real server gets no new ones; 0 or absent: no
	// limit.
	// +optional
	// +kubebuilder:validation:Minimum=0
	UpperThreshold int32 `json:"upperThreshold,omitempty"`
	// lowerThreshold is the number of connections, 0 to upperThreshold, below which a real server that reached its
	// upperThreshold gets new ones again; 0 or absent: three quarters of upperThreshold.
	// +optional
	// +kubebuilder:validation:Minimum=0
	LowerThreshold int32 `json:"lowerThreshold,omitempty"`
}

// IPAddress is an IPv4 or IPv6 address in its canonical form (RFC 5952). The kinds that users write check it by CEL; the compiled ones hold
// so many that the check would cost more than the API server allows, and hold only what was checked.
//
// +kubebuilder:validation:MaxLength=39
type IPAddress string

// RealServerPoolStatus is what the controller knows of a pool.
type RealServerPoolStatus struct {
	// observedGeneration is the metadata.generation that this status speaks of; 0 or absent: none yet.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// members is the number of real servers.
	// +optional
	Members int32 `json:"members,omitempty"`
	// virtualServices is the number of virtual services that name this pool.
	// +optional
	VirtualServices int32 `json:"virtualServices,omitempty"`
	// conditions hold Accepted.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// RealServerPoolList is a list of RealServerPools.
//
// +kubebuilder:object:root=true
type RealServerPoolList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RealServerPool `json:"items"`
}
