// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// NodeState is what one node has to do (spec, written by the controller) and what it does (status, written by that node's
// agent). It has the name of its Node. Users read it, and write nothing.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=lvsns,categories=lvs
// +kubebuilder:printcolumn:name="Roles",type=string,JSONPath=`.status.roles`
// +kubebuilder:printcolumn:name="VRRP",type=string,JSONPath=`.status.directorGroups[*].virtualRouters[*].state`
// +kubebuilder:printcolumn:name="Services",type=integer,JSONPath=`.status.services`
// +kubebuilder:printcolumn:name="Real-Servers",type=integer,JSONPath=`.status.realServers`
// +kubebuilder:printcolumn:name="Problems",type=integer,JSONPath=`.status.problemCount`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type NodeState struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what this node has to do.
	// +optional
	Spec NodeStateSpec `json:"spec,omitempty"`
	// status is what this node's agent has done.
	// +optional
	Status NodeStateStatus `json:"status,omitempty"`
}

// NodeStateSpec is what one node has to do.
type NodeStateSpec struct {
	// directorGroups are the groups in which this node is a director.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	DirectorGroups []NodeDirectorGroup `json:"directorGroups,omitempty"`
	// realServer is this node's part as a real server. Absent: it is none.
	// +optional
	RealServer *NodeRealServer `json:"realServer,omitempty"`
}

// NodeDirectorGroup is one node's part in one director group.
type NodeDirectorGroup struct {
	// name of the DirectorGroup.
	// +required
	Name string `json:"name"`
	// addressPools are the group's networks: IPVS services inside them are the agent's, all others are left alone.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4096
	AddressPools []CIDR `json:"addressPools,omitempty"`
	// markRanges are the group's firewall marks, sorted: IPVS services by a mark inside them are the agent's, all others are
	// left alone.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	MarkRanges []MarkRange `json:"markRanges,omitempty"`
	// probeMarks are the firewall marks of health checks through IPVS; services by them are the agent's. Absent: there are none.
	// +optional
	ProbeMarks *MarkRange `json:"probeMarks,omitempty"`
	// ipvs are the kernel settings that the group asks for. Absent: none.
	// +optional
	IPVS *CompiledIPVSSettings `json:"ipvs,omitempty"`
	// connectionSync is what this node's sync daemons are to be. Absent: the group asks for none.
	// +optional
	ConnectionSync *CompiledConnectionSync `json:"connectionSync,omitempty"`
	// virtualRouters are the VRRP instances that this node runs for the group.
	// +optional
	// +listType=map
	// +listMapKey=virtualRouterID
	// +kubebuilder:validation:MaxItems=255
	VirtualRouters []VirtualRouter `json:"virtualRouters,omitempty"`
}

// MarkRange is firewall marks from first to last, both included.
type MarkRange struct {
	// first mark, 1 to 4294967295.
	// +required
	First int64 `json:"first"`
	// last mark, first to 4294967295.
	// +required
	Last int64 `json:"last"`
}

// VirtualRouter is one VRRP instance on one node.
type VirtualRouter struct {
	// virtualRouterID is the VRID, 1 to 255.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=255
	VirtualRouterID int32 `json:"virtualRouterID"`
	// interface is the name of the network interface that carries VRRP and the addresses, 1 to 15 characters.
	// +required
	Interface string `json:"interface"`
	// version of the protocol: 3 (RFC 9568; default if the group says nothing) or 2 (RFC 3768).
	// +required
	Version int32 `json:"version"`
	// priority of this node, 1 to 254, higher wins; default 100 if the group says nothing, and 1 while lowered is set.
	// +required
	Priority int32 `json:"priority"`
	// lowered says why the priority is 1: Unschedulable (the Node is cordoned, as kubectl drain does first) or HandOver (it has the
	// annotation lvs-operator.io/hand-over: "true"). Absent: the priority is the group's.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Lowered string `json:"lowered,omitempty"`
	// advertisementInterval is the time between advertisements, as a duration: 10ms to 40.95s with version 3, 1s to 255s in
	// whole seconds with version 2; default 1s if the group says nothing.
	// +required
	AdvertisementInterval metav1.Duration `json:"advertisementInterval"`
	// preempt says whether this node takes the role from an Active one of lower priority; default true if the group says
	// nothing.
	// +required
	Preempt bool `json:"preempt"`
	// preemptDelay is how long this node goes on following an Active one of lower priority, as a duration: 0s to 1000s, default 0s
	// if the group says nothing.
	// +optional
	PreemptDelay *metav1.Duration `json:"preemptDelay,omitempty"`
	// moveTogether is a name, 1 to 63 characters: the virtual routers of this node that have the same one are Active on the same
	// director. Absent: this one moves for itself.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	MoveTogether string `json:"moveTogether,omitempty"`
	// unicastAddresses are those of all routers of the id, this node's among them, at most 64. None: multicast.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	UnicastAddresses []IPAddress `json:"unicastAddresses,omitempty"`
	// advertisedAddresses are what advertisements name, whatever addresses are; at most 255. None: as many of addresses as a packet
	// has room for.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=255
	AdvertisedAddresses []IPAddress `json:"advertisedAddresses,omitempty"`
	// checksum of version 3 over IPv4 as it is sent; default WithPseudoHeader.
	// +optional
	Checksum VRRPChecksum `json:"checksum,omitempty"`
	// announcements of the addresses. Absent: the defaults.
	// +optional
	Announcements *Announcements `json:"announcements,omitempty"`
	// virtualMAC gives the virtual router a MAC address of its own, on a macvlan link. Absent: false, the addresses have the interface's.
	// +optional
	VirtualMAC bool `json:"virtualMAC,omitempty"`
	// closed says that this node, as Active, accepts nothing for the addresses but what IPVS takes (acceptMode: false). Absent: false,
	// it accepts all.
	// +optional
	Closed bool `json:"closed,omitempty"`
	// authentication of version 2; the password itself stays in the Secret.
	// +optional
	Authentication *VRRPAuthentication `json:"authentication,omitempty"`
	// addresses are the virtual IPs, sorted, IPv4 before IPv6.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4096
	Addresses []IPAddress `json:"addresses,omitempty"`
}

// NodeRealServer is one node's part as a real server.
type NodeRealServer struct {
	// addresses are the virtual IPs that this node accepts on lo without answering ARP for them, sorted, IPv4 before IPv6.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4096
	Addresses []IPAddress `json:"addresses,omitempty"`
}

// NodeRole is what a node does.
//
// +kubebuilder:validation:Enum=Director;RealServer
type NodeRole string

// Roles of a node; a node can have both.
const (
	// RoleDirector runs IPVS and VRRP.
	RoleDirector NodeRole = "Director"
	// RoleRealServer accepts virtual IPs on lo.
	RoleRealServer NodeRole = "RealServer"
)

// NodeStateStatus is what one node's agent has done.
type NodeStateStatus struct {
	// observedGeneration is the metadata.generation of the spec that the agent has applied and read back; 0 or absent: none
	// yet.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// roles are Director and RealServer, as the agent carries them out.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	Roles []NodeRole `json:"roles,omitempty"`
	// services is the number of IPVS services that the agent keeps in the kernel.
	// +optional
	Services int32 `json:"services,omitempty"`
	// realServers is the number of real servers of those services, healthy or not.
	// +optional
	RealServers int32 `json:"realServers,omitempty"`
	// directorGroups is one entry a group in which this node is a director.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	DirectorGroups []NodeDirectorGroupStatus `json:"directorGroups,omitempty"`
	// realServerAddresses are the virtual IPs on lo, with arp_ignore and arp_announce set, read back from the kernel.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4096
	RealServerAddresses []IPAddress `json:"realServerAddresses,omitempty"`
	// problemCount is the number of problems, those included that problems has no room for.
	// +optional
	ProblemCount int32 `json:"problemCount"`
	// problems are what the agent could not do, and what to do about it; at most 64.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Problems []Problem `json:"problems,omitempty"`
}

// NodeDirectorGroupStatus is what one director does for one group.
type NodeDirectorGroupStatus struct {
	// name of the DirectorGroup.
	// +required
	Name string `json:"name"`
	// virtualRouters are the VRRP instances and their state.
	// +optional
	// +listType=map
	// +listMapKey=virtualRouterID
	// +kubebuilder:validation:MaxItems=255
	VirtualRouters []VirtualRouterStatus `json:"virtualRouters,omitempty"`
	// applied is, a slice's name, the metadata.generation, 1 or more, that is in the kernel and was read back.
	// +optional
	Applied map[string]int64 `json:"applied,omitempty"`
	// withdrawnAddresses are virtual IPs that this director does not carry, though it be Active, because a service of theirs with
	// quorum.withdrawAddress has lost its quorum; sorted. Up to 30 s old.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4096
	WithdrawnAddresses []IPAddress `json:"withdrawnAddresses,omitempty"`
	// degraded are the services that have fewer healthy real servers than real servers, or have lost their quorum; at most 100. Counts are up
	// to 30 s old.
	// +optional
	// +listType=map
	// +listMapKey=service
	// +kubebuilder:validation:MaxItems=100
	Degraded []DegradedService `json:"degraded,omitempty"`
}

// VirtualRouterStatus is the state of one VRRP instance on one node.
type VirtualRouterStatus struct {
	// virtualRouterID is the VRID, 1 to 255.
	// +required
	VirtualRouterID int32 `json:"virtualRouterID"`
	// state is Initialize, Backup or Active.
	// +required
	State VRRPState `json:"state"`
	// family is that of the addresses that it advertises, and of the packets: IPv4 if the router has any IPv4 address, else IPv6. The
	// virtual IPs of both families go where it is Active.
	// +optional
	Family AddressFamily `json:"family,omitempty"`
	// since is when the state was entered, by the node's clock, in whole seconds.
	// +optional
	Since metav1.Time `json:"since,omitempty"`
	// epoch counts how often this router has become Active since it was started: 0 or absent is never. With it the controller tells a
	// new claim to be Active from an older one of the same director, though the report between them was never written. Epochs of
	// different directors say nothing about each other.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Epoch int64 `json:"epoch,omitempty"`
	// priority is the one that this director takes part with now, 1 to 255. It is lower than the configured one while lowered is set.
	// +optional
	Priority int32 `json:"priority,omitempty"`
	// lowered says why the priority is lower than the configured one, so that a director that can serve wins: NotProgrammed (the IPVS
	// table cannot be read, or has none of the group's services; the priority is a sixteenth), RealServersDown (every real server
	// fails its health check as seen from here; a quarter) or LinkDown (the interface of a virtual router that moves together with this
	// one cannot be used; 1). Priority 255 is never lowered. Absent: it is the configured one.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Lowered string `json:"lowered,omitempty"`
	// source is the address that this director sends advertisements from. Absent while its interface has none.
	// +optional
	Source IPAddress `json:"source,omitempty"`
	// following is the address that the Active one advertises from, as this director hears it while it is Backup. Absent in the other
	// states, and while it has heard none.
	// +optional
	Following IPAddress `json:"following,omitempty"`
	// peers are the others that advertised with this virtual router's id on its interface in the last half minute, by address, as this
	// director hears them. A Backup is silent, so a director that is Active hears nobody as long as all is well.
	// +optional
	// +listType=map
	// +listMapKey=address
	// +kubebuilder:validation:MaxItems=16
	Peers []VRRPPeer `json:"peers,omitempty"`
}

// VRRPPeer is somebody else who advertises with a virtual router's id.
type VRRPPeer struct {
	// address is the one that its advertisements come from.
	// +required
	Address IPAddress `json:"address"`
	// priority is that of its last advertisement, 1 to 255. Absent when that was a resignation, or was discarded.
	// +optional
	Priority int32 `json:"priority,omitempty"`
	// discarded says what is wrong with its last advertisement, for example authentication, version or interval: one of the reasons of
	// the metric lvs_agent_vrrp_discarded. Absent: nothing.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Discarded string `json:"discarded,omitempty"`
}

// Values of VirtualRouterStatus.lowered, and of VirtualRouter.lowered.
const (
	LoweredUnschedulable   = "Unschedulable"
	LoweredHandOver        = "HandOver"
	LoweredNotProgrammed   = "NotProgrammed"
	LoweredRealServersDown = "RealServersDown"
	LoweredLinkDown        = "LinkDown"
)

// DegradedService is a service that has lost real servers.
type DegradedService struct {
	// service is the compiled service's id, namespace/name/port or namespace/name/mark.
	// +required
	Service string `json:"service"`
	// realServers is the number of real servers.
	// +required
	RealServers int32 `json:"realServers"`
	// healthy is how many of them this director sees as healthy.
	// +required
	Healthy int32 `json:"healthy"`
	// consequence is what that led to: SendsToAll (fewer are healthy than panicThreshold, so all get connections), QuorumLost,
	// AddressWithdrawn (the quorum is lost, so the virtual IP is gone) or SorryServer (the quorum is lost, so the sorry server gets the
	// connections). Absent: those serve which are healthy.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Consequence Consequence `json:"consequence,omitempty"`
}

// Consequence is what the health of a service's real servers led to.
type Consequence string

// Values of DegradedService.consequence.
const (
	ConsequenceSendsToAll       Consequence = "SendsToAll"
	ConsequenceQuorumLost       Consequence = "QuorumLost"
	ConsequenceAddressWithdrawn Consequence = "AddressWithdrawn"
	ConsequenceSorryServer      Consequence = "SorryServer"
)

// Problem is something that an agent could not do.
type Problem struct {
	// reason is one word for machines, for example SecretMissing.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason"`
	// directorGroup is the group that the problem belongs to, if it belongs to one.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	DirectorGroup string `json:"directorGroup,omitempty"`
	// service is the compiled service's id, namespace/name/port or namespace/name/mark, that the problem belongs to, if it belongs to one.
	// +optional
	// +kubebuilder:validation:MaxLength=600
	Service string `json:"service,omitempty"`
	// message says what was attempted, on what, what came of it, and what to do.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message"`
}

// NodeStateList is a list of NodeStates.
//
// +kubebuilder:object:root=true
type NodeStateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []NodeState `json:"items"`
}
