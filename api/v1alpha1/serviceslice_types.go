// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MaxServicesPerSlice is the most compiled services that the controller puts in one ServiceSlice. As a FirewallMark matches at
// most 128 networks and 128 port ranges, 100 of the largest services, some 10 KB each, stay below etcd's limit of 1.5 MiB.
const MaxServicesPerSlice = 100

// ServiceSlice holds compiled virtual services of one director group. The controller writes it, agents read it.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,categories=lvs
// +kubebuilder:selectablefield:JSONPath=`.spec.directorGroup`
// +kubebuilder:printcolumn:name="Group",type=string,JSONPath=`.spec.directorGroup`
// +kubebuilder:printcolumn:name="First-Address",type=string,JSONPath=`.spec.services[0].address`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ServiceSlice struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the compiled services.
	// +required
	Spec ServiceSliceSpec `json:"spec"`
}

// ServiceSliceSpec is compiled services of one director group.
type ServiceSliceSpec struct {
	// directorGroup is the name of the DirectorGroup.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a slice belongs to one director group for its life"
	DirectorGroup string `json:"directorGroup"`
	// services are the compiled services, sorted by id; at most 100.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=100
	Services []CompiledService `json:"services,omitempty"`
}

// CompiledService is one IPVS service: one port of one VirtualService, or its firewall mark.
type CompiledService struct {
	// id is namespace/name/port of the VirtualService and its port's name, or namespace/name/mark.
	// +required
	ID string `json:"id"`
	// generation is the metadata.generation of the VirtualService that this was compiled from, 1 or more.
	// +required
	Generation int64 `json:"generation"`
	// family is IPv4 or IPv6.
	// +required
	Family AddressFamily `json:"family"`
	// address is the virtual IP (VIP), IPv4 or IPv6. Absent with a mark, also where the VirtualService has one: it is VRRP's
	// then, not IPVS's.
	// +optional
	Address IPAddress `json:"address,omitempty"`
	// port number, 1 to 65535. 0 or absent: every port that no other service has; or a service by mark.
	// +optional
	Port int32 `json:"port,omitempty"`
	// protocol is TCP, UDP or SCTP; TCP by default. Absent with a mark.
	// +optional
	Protocol Protocol `json:"protocol,omitempty"`
	// mark is the firewall mark of the service's packets, 1 to 4294967295; 0 or absent: the service is by address.
	// +optional
	Mark int64 `json:"mark,omitempty"`
	// match says which packets get the mark: those that any of its entries describes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Match []CompiledMatch `json:"match,omitempty"`
	// scheduler is the kernel's name of the IPVS scheduler, for example wrr; wlc by default.
	// +required
	Scheduler Scheduler `json:"scheduler"`
	// schedulerFlags of sh and mh by ipvsadm's names, sorted.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2
	SchedulerFlags []SchedulerFlag `json:"schedulerFlags,omitempty"`
	// forwardingMethod of every real server that has none of its own: DirectRouting, Tunnel or NAT; DirectRouting by default.
	// +required
	ForwardingMethod ForwardingMethod `json:"forwardingMethod"`
	// tunnel of every real server that has none of its own and whose method is Tunnel; absent: IP in IP.
	// +optional
	Tunnel *CompiledTunnel `json:"tunnel,omitempty"`
	// persistenceSeconds is the persistence time-out in seconds, 1 to 2678400 (31 days); 0 or absent: none.
	// +optional
	PersistenceSeconds int32 `json:"persistenceSeconds,omitempty"`
	// persistencePrefixLength is how many leading bits of the client's address count, 1 to 32 or 128; 0 or absent: all.
	// +optional
	PersistencePrefixLength int32 `json:"persistencePrefixLength,omitempty"`
	// persistenceEngine is the kernel's name of the persistence engine: sip; absent: none.
	// +optional
	PersistenceEngine PersistenceEngine `json:"persistenceEngine,omitempty"`
	// onePacketScheduling schedules every UDP packet anew.
	// +optional
	OnePacketScheduling bool `json:"onePacketScheduling,omitempty"`
	// applicationHelper is FTP, or absent.
	// +optional
	ApplicationHelper ApplicationHelper `json:"applicationHelper,omitempty"`
	// drainSeconds is how long a removed real server stays with weight 0 at most, in seconds, 0 to 86400; the default is 300
	// for TCP and SCTP, 10 for UDP, and with a mark the longest.
	// +required
	DrainSeconds int32 `json:"drainSeconds"`
	// quorum is how much of the pool has to be healthy; its weight is 1 by default.
	// +required
	Quorum CompiledQuorum `json:"quorum"`
	// sorryServer gets new connections while the quorum is lost; absent: none does. Its weight is 1.
	// +optional
	SorryServer *CompiledRealServer `json:"sorryServer,omitempty"`
	// inhibitOnFailure leaves a real server that is down in the kernel with weight 0.
	// +optional
	InhibitOnFailure bool `json:"inhibitOnFailure,omitempty"`
	// panicThreshold is the percentage, 1 to 100, of healthy real servers below which all get connections; 0 or absent: never.
	// +optional
	PanicThreshold int32 `json:"panicThreshold,omitempty"`
	// slowStartSeconds is how long the weight of a real server that comes up grows, in seconds, 1 to 3600; 0 or absent: it does not.
	// +optional
	SlowStartSeconds int32 `json:"slowStartSeconds,omitempty"`
	// pool names the set of RealServerSlices that serve.
	// +required
	Pool PoolSet `json:"pool"`
}

// CompiledQuorum is a quorum with every default filled in.
type CompiledQuorum struct {
	// weight is the sum of the weights of healthy real servers that is needed, 1 to 268435456; 1 by default.
	// +required
	Weight int32 `json:"weight"`
	// hysteresis is by how much the sum has to fall below weight, or rise above it, before something follows; 0 to weight - 1.
	// +optional
	Hysteresis int32 `json:"hysteresis,omitempty"`
	// withdrawAddress takes the virtual IP away while the quorum is lost.
	// +optional
	WithdrawAddress bool `json:"withdrawAddress,omitempty"`
}

// AddressFamily is IPv4 or IPv6.
//
// +kubebuilder:validation:Enum=IPv4;IPv6
type AddressFamily string

// Address families.
const (
	// FamilyIPv4 is IPv4.
	FamilyIPv4 AddressFamily = "IPv4"
	// FamilyIPv6 is IPv6.
	FamilyIPv6 AddressFamily = "IPv6"
)

// CompiledMatch describes packets: all that it says must be true of them.
type CompiledMatch struct {
	// addresses are the destinations, networks of the service's family; sorted, at least one.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Addresses []CIDR `json:"addresses"`
	// sourceAddresses are where the packets come from, networks of the service's family, sorted; none: anywhere.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	SourceAddresses []CIDR `json:"sourceAddresses,omitempty"`
	// protocol is TCP, UDP or SCTP; absent: all three.
	// +optional
	Protocol Protocol `json:"protocol,omitempty"`
	// ports are the destination ports, sorted, none overlaps another; none: every port.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Ports []CompiledPortRange `json:"ports,omitempty"`
	// interface that the packets come in on; absent: any.
	// +optional
	Interface string `json:"interface,omitempty"`
}

// CompiledPortRange is ports from first to last, both included.
type CompiledPortRange struct {
	// first port, 1 to 65535.
	// +required
	First int32 `json:"first"`
	// last port, first to 65535.
	// +required
	Last int32 `json:"last"`
}

// CompiledTunnel is how packets are wrapped, with every default filled in.
type CompiledTunnel struct {
	// type is IPIP, GUE or GRE.
	// +required
	Type TunnelType `json:"type"`
	// port on which the real server unwraps GUE, 1 to 65535; 0 or absent with the other types.
	// +optional
	Port int32 `json:"port,omitempty"`
	// checksum of the outer header: None, Outer or Remote.
	// +required
	Checksum TunnelChecksum `json:"checksum"`
}

// PoolSet names a complete set of RealServerSlices. An agent applies a service only when it has the whole set.
type PoolSet struct {
	// namespace of the RealServerPool.
	// +required
	Namespace string `json:"namespace"`
	// name of the RealServerPool.
	// +required
	Name string `json:"name"`
	// slices is the number of RealServerSlices in the set; 0: a pool without members.
	// +required
	Slices int32 `json:"slices"`
	// hash identifies the set: a hash of its slices' names. It does not change with a real server's weight, so that such a
	// change is one write.
	// +required
	Hash string `json:"hash"`
}

// ServiceSliceList is a list of ServiceSlices.
//
// +kubebuilder:object:root=true
type ServiceSliceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ServiceSlice `json:"items"`
}
