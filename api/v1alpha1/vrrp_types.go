// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// VRRP is the election of the Active director (RFC 9568; version 2: RFC 3768).
//
// +kubebuilder:validation:XValidation:rule="self.version == 3 || self.advertisementInterval.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')",message="advertisementInterval must be a whole number of seconds with version 2; use version: 3 for shorter intervals"
// +kubebuilder:validation:XValidation:rule="self.version == 3 || duration(self.advertisementInterval) >= duration('1s')",message="advertisementInterval must be at least 1s with version 2; use version: 3 for shorter intervals"
// +kubebuilder:validation:XValidation:rule="self.version == 2 || duration(self.advertisementInterval) <= duration('40950ms')",message="advertisementInterval must be at most 40.95s with version 3"
// +kubebuilder:validation:XValidation:rule="!has(self.virtualMAC) || !self.virtualMAC || !has(self.unicast)",message="virtualMAC excludes unicast: bridges learn where the virtual MAC address is from advertisements to the multicast group"
// +kubebuilder:validation:XValidation:rule="self.version == 2 || !has(self.authentication)",message="authentication exists in version 2 only (RFC 2338); RFC 9568 removed it from version 3"
// +kubebuilder:validation:XValidation:rule="self.virtualRouters == 1 || !has(self.priorities) || size(self.priorities) == 0",message="priorities need virtualRouters: 1; of several virtual routers each has its own order of the directors, which the controller makes"
// +kubebuilder:validation:XValidation:rule="self.virtualRouters == 1 || !has(self.advertisedAddresses)",message="advertisedAddresses need virtualRouters: 1; they are one list, and several virtual routers advertise different addresses"
// +kubebuilder:validation:XValidation:rule="self.virtualRouters == 1 || self.defaultPriority >= 100",message="defaultPriority must be at least 100 with several virtual routers: each router's directors have priorities from it downwards, to 60 less"
// +kubebuilder:validation:XValidation:rule="self.virtualRouters == 1 || !has(self.moveTogether)",message="moveTogether needs virtualRouters: 1; several virtual routers are there to be Active on different directors"
type VRRP struct {
	// virtualRouterID is the VRID, 1 to 255: unique among all VRRP routers on the interface's link, those of others included. With
	// several virtual routers it is that of the first. Omitted: the controller allocates the lowest one that no other group has on an
	// interface of this name, and keeps it in status.virtualRouterIDs. It does not know the VRRP routers that are no directors; see
	// excludedVirtualRouterIDs.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=255
	VirtualRouterID int32 `json:"virtualRouterID,omitempty"`

	// virtualRouters is how many virtual routers carry the group's virtual IPs, 1 to 16, default 1: exactly one director is Active.
	// With more, the virtual IPs are spread over them evenly, a virtual IP with all its ports on one, and each virtual router has its
	// own order of the directors, so that all directors are Active for a share of the virtual IPs. A virtual IP stays on its virtual
	// router; a further virtual router takes its share from the others. A multiple of the number of directors spreads best: a dead
	// director's virtual IPs then go to different ones. All virtual routers but the first have allocated ids. By NAT a real server's
	// answers have to go through the director that is Active for the virtual IP, so more than one is for other forwarding methods.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=16
	VirtualRouters int32 `json:"virtualRouters,omitempty"`

	// excludedVirtualRouterIDs are ids that are not allocated, 1 to 255 each, such as those of VRRP routers that are no directors. The
	// condition Exclusive tells when one of those has an id of this group: excluded here, an allocated one is given up for another.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=255
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=255
	ExcludedVirtualRouterIDs []int32 `json:"excludedVirtualRouterIDs,omitempty"`

	// version of the protocol: 3 (RFC 9568, the default), or 2 (RFC 3768) for peers that speak nothing else.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Enum=2;3
	Version int32 `json:"version,omitempty"`

	// advertisementInterval is the time between advertisements of the Active director, as a duration. Default 1s. Version 3:
	// 10ms to 40.95s; version 2: 1s to 255s in whole seconds. A dead director is replaced after three intervals and a skew
	// of at most one interval (version 3) or one second (version 2).
	// +optional
	// +kubebuilder:default="1s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10ms') && duration(self) <= duration('255s')",message="advertisementInterval must lie between 10ms and 255s"
	AdvertisementInterval metav1.Duration `json:"advertisementInterval,omitempty"`

	// priorities gives single directors a priority; the highest one alive is Active. A director that is not listed has
	// defaultPriority. With one virtual router only.
	// +optional
	// +listType=map
	// +listMapKey=node
	// +kubebuilder:validation:MaxItems=64
	Priorities []NodePriority `json:"priorities,omitempty"`

	// defaultPriority is the priority of directors that priorities does not list: 1 to 254, default 100. Among equal
	// priorities the greater source address wins. With several virtual routers it is at least 100, and the highest priority in each:
	// the directors have that and, in steps of 4, down to 60 less.
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=254
	DefaultPriority int32 `json:"defaultPriority,omitempty"`

	// preempt says whether a director that comes back with a higher priority takes the role from the Active one. Default
	// true, as in RFC 9568.
	// +optional
	// +kubebuilder:default=true
	Preempt *bool `json:"preempt,omitempty"`

	// preemptDelay is how long a director of higher priority goes on following an Active one, from when it first hears it, before
	// it takes the role, as a duration: 0s to 1000s, default 0s. keepalived: preempt_delay. An Active one that dies or resigns is not waited for.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('1000s')",message="preemptDelay must lie between 0s and 1000s"
	PreemptDelay *metav1.Duration `json:"preemptDelay,omitempty"`

	// moveTogether is a name, the same in each of several groups whose virtual IPs are always to be on the same director, as those of a
	// router between two networks are: the outside group's, and the inside group's that the real servers have as their gateway.
	// keepalived: vrrp_sync_group. The groups have the same directors with the same priorities, and the same preempt; a younger one that
	// has not is refused. A director becomes Active for all of them or for none; one whose interface fails in one group gives the
	// virtual IPs of all to any other director, and keeps what it can where it is the last. It needs virtualRouters: 1. 1 to 63 lower-case letters, digits and
	// hyphens. Absent: the group moves for itself.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	MoveTogether string `json:"moveTogether,omitempty"`

	// unicast sends advertisements to each of these addresses instead of the multicast group, for links that carry no multicast.
	// +optional
	Unicast *VRRPUnicast `json:"unicast,omitempty"`

	// advertisedAddresses are what advertisements name, whatever virtual IPs the group's services have: for a keepalived that shares
	// the virtual router, whose virtual_ipaddress this has to be. Up to 2.3.2 it takes an advertisement with another list for none,
	// and becomes Active beside the one that sent it, so that a virtual IP could not come or go without two Actives. The group's
	// other virtual IPs go where the router's go, unnamed, as keepalived's virtual_ipaddress_excluded. All of one family, that of the
	// group's first virtual IP: 1 to 255 for IPv4, 1 to 90 for IPv6. With one virtual router only. Absent: the virtual IPs, as many as
	// a packet has room for.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=255
	// +kubebuilder:validation:items:XValidation:rule="isIP(self)",message="must be an IP address, for example 192.0.2.200"
	AdvertisedAddresses []IPAddress `json:"advertisedAddresses,omitempty"`

	// checksum of version 3 over IPv4 as it is sent: WithPseudoHeader, the default, as RFC 5798 and keepalived have it; or
	// WithoutPseudoHeader, as RFC 9568 section 5.2.8 has it. Received are both.
	// +optional
	// +kubebuilder:default=WithPseudoHeader
	// +kubebuilder:validation:Enum=WithPseudoHeader;WithoutPseudoHeader
	Checksum VRRPChecksum `json:"checksum,omitempty"`

	// announcements are how a director that becomes Active tells the link where the virtual IPs are: gratuitous ARP, and
	// unsolicited neighbour advertisements for IPv6.
	// +optional
	Announcements *Announcements `json:"announcements,omitempty"`

	// virtualMAC gives the virtual router an Ethernet address of its own, which moves with the virtual IPs (RFC 9568 section 7.3;
	// keepalived: use_vmac): 00:00:5e:00:01:ID, or 00:00:5e:00:02:ID where all virtual IPs are IPv6, ID being virtualRouterID in
	// hexadecimal. Neighbours then keep their ARP and neighbour entries over a failover, and bridges learn the new place from the
	// first advertisement. Default false: the virtual IPs have the Active director's own MAC address, and gratuitous ARP and
	// neighbour advertisements, which some hosts ignore, tell of a change.
	//
	// It needs switches, hypervisors and clouds that allow a second, moving MAC address on a director's port (no port security; on
	// VMware forged transmits and MAC changes), an Ethernet interface, multicast, and the kernel module macvlan. It costs a macvlan
	// link on each director, named for example lvs4-66-eth0, which is up on the Active one alone. Packets for the virtual IPs come in
	// on it: what names the interface that packets come in on, such as rules of firewalls, has to name that link as well. The
	// interface itself gets the sysctls arp_ignore=1, so that it answers ARP for its own addresses alone, and arp_announce=2. A
	// change in a group that serves interrupts the virtual IPs for a moment.
	// +optional
	VirtualMAC bool `json:"virtualMAC,omitempty"`

	// acceptMode says whether the Active director itself accepts packets to the virtual IPs (Accept_Mode of RFC 9568 section 6.1;
	// keepalived: accept and no_accept). Default true, unlike the RFC's: it answers ping, refuses connections to ports without a
	// service, and whatever listens there on every address can be reached by the virtual IPs too. False: what IPVS does not take is
	// dropped without an answer, by the nftables table inet lvs-operator-accept, except neighbour discovery of IPv6. Services, and
	// gatewayAddresses as gateways, work as before. A virtual IP stays open on a director that accepts it on the interface lo as a
	// real server, or that has it as an address of its own. A process on the Active director does not reach services with NAT by them. The
	// kernel needs nf_tables.
	// +optional
	// +kubebuilder:default=true
	AcceptMode *bool `json:"acceptMode,omitempty"`

	// authentication is RFC 2338's simple password, version 2 only. It keeps out misconfigured routers, not attackers: the
	// password crosses the link in clear text.
	// +optional
	Authentication *VRRPAuthentication `json:"authentication,omitempty"`
}

// VRRPUnicast says with whom a director speaks VRRP where there is no multicast.
type VRRPUnicast struct {
	// addresses are those of all directors of the group, and of other routers of the virtual router id, such as keepalived's: IPv4, or
	// link-local IPv6 where all virtual IPs are IPv6. Each director sends to all but its own, and follows no other. 2 to 64.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=2
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:XValidation:rule="isIP(self)",message="must be an IP address, for example 192.0.2.114"
	Addresses []IPAddress `json:"addresses"`
}

// VRRPChecksum says what the checksum of version 3 over IPv4 covers.
type VRRPChecksum string

// Checksums of version 3 over IPv4.
const (
	// ChecksumWithPseudoHeader is RFC 5798's, and keepalived's.
	ChecksumWithPseudoHeader VRRPChecksum = "WithPseudoHeader"
	// ChecksumWithoutPseudoHeader is RFC 9568's.
	ChecksumWithoutPseudoHeader VRRPChecksum = "WithoutPseudoHeader"
)

// Announcements are how often the link is told where virtual IPs are.
type Announcements struct {
	// repeat is how often each address is announced at once, and again after delay: 1 to 64, default 5 (keepalived:
	// garp_master_repeat).
	// +optional
	// +kubebuilder:default=5
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Repeat int32 `json:"repeat,omitempty"`
	// delay is the time between the two, 1s to 300s, default 5s (garp_master_delay).
	// +optional
	// +kubebuilder:default="5s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('300s')",message="delay must lie between 1s and 300s"
	Delay metav1.Duration `json:"delay,omitempty"`
	// refresh announces each address once more after this time, and again and again, against neighbours that forget or were told
	// wrong: 1s to 24h. Absent: never (garp_master_refresh).
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="refresh must lie between 1s and 24h"
	Refresh *metav1.Duration `json:"refresh,omitempty"`
}

// NodePriority is the VRRP priority of one director.
type NodePriority struct {
	// node is the name of the Node.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node"`
	// priority is 1 to 254; higher wins. 255 is RFC 9568's address owner, which a director never is.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=254
	Priority int32 `json:"priority"`
}

// VRRPAuthentication is the authentication of VRRP version 2.
type VRRPAuthentication struct {
	// type is Password: RFC 2338's simple text password, which keepalived calls PASS.
	// +required
	// +kubebuilder:validation:Enum=Password
	Type string `json:"type"`
	// secretRef names a Secret in the operator's namespace whose key "password" holds the password, 1 to 8 bytes.
	// +required
	SecretRef SecretReference `json:"secretRef"`
}

// SecretReference names a Secret in the operator's namespace.
type SecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}
