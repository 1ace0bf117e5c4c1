// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// FirewallMark makes a virtual service of all packets that carry a firewall mark (fwmark, SO_MARK of socket(7)), whatever
// their address and port: whole networks, many ports, or several protocols as one service.
//
// +kubebuilder:validation:XValidation:rule="self.match.all(m, m.addresses.all(a, a.contains(':') == self.match[0].addresses[0].contains(':')) && (!has(m.sourceAddresses) || m.sourceAddresses.all(a, a.contains(':') == self.match[0].addresses[0].contains(':'))))",message="all networks of a virtual service must be of one family, IPv4 or IPv6; make a second virtual service for the other family, it may have the same mark"
// +kubebuilder:validation:XValidation:rule="self.match.map(m, m.addresses.size() + (has(m.sourceAddresses) ? m.sourceAddresses.size() : 0)).sum() <= 128",message="match may hold at most 128 networks in all, destinations and sources together"
// +kubebuilder:validation:XValidation:rule="self.match.map(m, has(m.ports) ? m.ports.size() : 0).sum() <= 128",message="match may hold at most 128 port ranges in all"
type FirewallMark struct {
	// mark is the number, 1 to 4294967295, from one of the group's mark pools.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4294967295
	Mark int64 `json:"mark"`
	// match says which packets get the mark: those that any of its entries describes. The directors mark them in an nftables
	// table of their own. Keep services apart: a packet that two of them match gets the smaller mark.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Match []Match `json:"match"`
}

// Match describes packets that reach a director: all that it says must be true of them.
//
// +kubebuilder:validation:XValidation:rule="!has(self.ports) || self.ports.size() == 0 || has(self.protocol)",message="ports need a protocol; add protocol: TCP, UDP or SCTP"
type Match struct {
	// addresses are the destinations: networks in CIDR notation, IPv4 or IPv6. Each lies in a mark pool of the group, or is a
	// single address of an address pool, for example 192.0.2.10/32; such an address is a virtual IP and carried by VRRP. Its
	// ports and protocols are the service's, as if listed in ports: no other service by address may have them, nor one by mark
	// of another namespace.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self) && cidr(self) == cidr(self).masked()",message="must be a network in CIDR notation with its host bits zero, for example 198.51.100.0/24, 192.0.2.10/32 or 2001:db8::/64"
	Addresses []CIDR `json:"addresses"`
	// sourceAddresses are where the packets come from, of the same family. None: anywhere.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self) && cidr(self) == cidr(self).masked()",message="must be a network in CIDR notation with its host bits zero, for example 198.51.100.0/24, 192.0.2.10/32 or 2001:db8::/64"
	SourceAddresses []CIDR `json:"sourceAddresses,omitempty"`
	// protocol is TCP, UDP or SCTP. Absent: all three.
	// +optional
	// +kubebuilder:validation:Enum=TCP;UDP;SCTP
	Protocol Protocol `json:"protocol,omitempty"`
	// ports are the destination ports. They need protocol. None: every port.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Ports []PortRange `json:"ports,omitempty"`
	// interface is the name of the network interface that the packets come in on, 1 to 15 characters. Absent: any.
	// +optional
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[^\s/:]+$`
	Interface string `json:"interface,omitempty"`
}

// PortRange is one port, or all from one port to another.
//
// +kubebuilder:validation:XValidation:rule="!has(self.endPort) || self.endPort >= self.port",message="endPort must not be less than port"
type PortRange struct {
	// port is the first port, 1 to 65535.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// endPort is the last port, port to 65535. Absent: port alone.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	EndPort int32 `json:"endPort,omitempty"`
}

// MarkPool is a range of firewall marks, what they may match, and who may use them.
//
// +kubebuilder:validation:XValidation:rule="self.first <= self.last",message="first must not be greater than last"
type MarkPool struct {
	// name of the pool, unique in the group.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// first mark of the pool, 1 to 4294967295. Take a range in which nothing else on the directors marks packets.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4294967295
	First int64 `json:"first"`
	// last mark of the pool, first to 4294967295.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4294967295
	Last int64 `json:"last"`
	// cidrs are the destinations that services of the pool may match, IPv4 and IPv6; 0.0.0.0/0 and ::/0: all. A single address
	// that lies in an address pool needs that pool's leave, too.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self) && cidr(self) == cidr(self).masked()",message="must be a network in CIDR notation with its host bits zero, for example 198.51.100.0/24, 0.0.0.0/0 or 2001:db8::/64"
	CIDRs []CIDR `json:"cidrs"`
	// namespaceSelector selects the namespaces whose virtual services may use the pool. Empty selects all; absent selects
	// none.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
}
