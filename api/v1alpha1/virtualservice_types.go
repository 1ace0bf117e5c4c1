// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// VirtualService is one virtual IP and its ports, spread by a director group over a pool of real servers.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=lvsvirtualservices,singular=lvsvirtualservice,scope=Namespaced,shortName=lvsvs,categories=lvs
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.spec.address`
// +kubebuilder:printcolumn:name="Port",type=string,JSONPath=`.spec.ports[0].port`
// +kubebuilder:printcolumn:name="Scheduler",type=string,JSONPath=`.spec.scheduler`
// +kubebuilder:printcolumn:name="Method",type=string,JSONPath=`.spec.forwardingMethod`
// +kubebuilder:printcolumn:name="Active",type=string,JSONPath=`.status.active`
// +kubebuilder:printcolumn:name="Healthy",type=string,JSONPath=`.status.healthy`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type VirtualService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says what is offered to clients, and who serves it.
	// +required
	Spec VirtualServiceSpec `json:"spec"`
	// status says what the directors run. Written by the controller.
	// +optional
	Status VirtualServiceStatus `json:"status,omitempty"`
}

// VirtualServiceSpec is what the user wants of a virtual service.
type VirtualServiceSpec struct {
	// directorGroup is the name of the DirectorGroup that carries this service.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	DirectorGroup string `json:"directorGroup"`

	// address is the virtual IP (VIP), IPv4, from one of the group's address pools.
	// +required
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).family() == 4",message="must be an IPv4 address, for example 192.0.2.10"
	Address IPAddress `json:"address"`

	// ports that clients reach; each is one IPVS service.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.exists_one(b, a.port == b.port && a.protocol == b.protocol))",message="no two ports may have the same number and protocol"
	Ports []ServicePort `json:"ports"`

	// scheduler picks the real server of a new connection: rr (round robin), wrr (weighted), lc (least connections), wlc
	// (weighted, the default), lblc (locality-based least connections), lblcr (the same with replication), dh (destination
	// hashing), sh (source hashing).
	// +optional
	// +kubebuilder:default=wlc
	// +kubebuilder:validation:Enum=rr;wrr;lc;wlc;lblc;lblcr;dh;sh
	Scheduler Scheduler `json:"scheduler,omitempty"`

	// forwardingMethod is how packets reach the real servers: DirectRouting (default; the same link, the VIP on the real
	// server's lo), Tunnel (IP in IP, the VIP on the real server) or NAT (the director is on the way back).
	// +optional
	// +kubebuilder:default=DirectRouting
	// +kubebuilder:validation:Enum=DirectRouting;Tunnel;NAT
	ForwardingMethod ForwardingMethod `json:"forwardingMethod,omitempty"`

	// persistence sends a client to the real server that it had before. Absent: each connection is scheduled anew.
	// +optional
	Persistence *Persistence `json:"persistence,omitempty"`

	// realServerPool is the name of the RealServerPool, in the same namespace, that serves.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	RealServerPool string `json:"realServerPool"`
}

// ServicePort is one port of a virtual service.
type ServicePort struct {
	// name of the port, unique in the service; a DNS label.
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`
	// port number, 1 to 65535.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// protocol is TCP (default), UDP or SCTP.
	// +optional
	// +kubebuilder:default=TCP
	// +kubebuilder:validation:Enum=TCP;UDP;SCTP
	Protocol Protocol `json:"protocol,omitempty"`
}

// Scheduler is the kernel's name of an IPVS scheduler (ip_vs_<name>).
type Scheduler string

// Protocol is the transport protocol of a virtual service.
type Protocol string

// Protocols that IPVS balances.
const (
	// ProtocolTCP is TCP.
	ProtocolTCP Protocol = "TCP"
	// ProtocolUDP is UDP.
	ProtocolUDP Protocol = "UDP"
	// ProtocolSCTP is SCTP.
	ProtocolSCTP Protocol = "SCTP"
)

// ForwardingMethod is how a director hands packets to a real server.
type ForwardingMethod string

// Forwarding methods.
const (
	// DirectRouting rewrites only the destination MAC address (LVS/DR).
	DirectRouting ForwardingMethod = "DirectRouting"
	// Tunnel encapsulates IP in IP (LVS/TUN).
	Tunnel ForwardingMethod = "Tunnel"
	// NAT rewrites addresses and ports, both ways (LVS/NAT).
	NAT ForwardingMethod = "NAT"
)

// Persistence binds a client address to a real server.
type Persistence struct {
	// timeout after which an idle client's binding ends, as a duration in whole seconds, 1s to 31 days, default 5m.
	// +optional
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('744h') && self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')",message="timeout must be a whole number of seconds between 1s and 744h; leave persistence out to have none"
	Timeout metav1.Duration `json:"timeout,omitempty"`
}

// VirtualServiceStatus is what the directors run of a virtual service.
type VirtualServiceStatus struct {
	// observedGeneration is the metadata.generation that this status speaks of; 0 or absent: none yet.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// active is the name of the node that is Active for the address. Empty: none; several, separated by a comma: a split
	// brain.
	// +optional
	Active string `json:"active,omitempty"`
	// healthy is "healthy/all" real servers of the worst port as the Active director sees them. Up to 30 s old.
	// +optional
	Healthy string `json:"healthy,omitempty"`
	// ports is, a port, what each director runs.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Ports []PortStatus `json:"ports,omitempty"`
	// conditions are Accepted, ResolvedRefs, Programmed and Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// PortStatus is what the directors run of one port.
type PortStatus struct {
	// name of the port.
	// +required
	Name string `json:"name"`
	// directors is one entry a director, by name.
	// +optional
	// +listType=map
	// +listMapKey=node
	// +kubebuilder:validation:MaxItems=64
	Directors []PortDirectorStatus `json:"directors,omitempty"`
}

// PortDirectorStatus is what one director runs of one port.
type PortDirectorStatus struct {
	// node is the name of the Node.
	// +required
	Node string `json:"node"`
	// programmed says whether this director has the newest compiled form in its kernel and no problem with it.
	// +required
	Programmed bool `json:"programmed"`
	// realServers is the number of real servers.
	// +optional
	RealServers int32 `json:"realServers,omitempty"`
	// healthy is how many of them this director sees as healthy. Up to 30 s old.
	// +optional
	Healthy int32 `json:"healthy,omitempty"`
}

// VirtualServiceList is a list of VirtualServices.
//
// +kubebuilder:object:root=true
type VirtualServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []VirtualService `json:"items"`
}
