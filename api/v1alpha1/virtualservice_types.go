// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// VirtualService is one virtual IP and its ports, or the packets of one firewall mark, spread by a director group over a pool
// of real servers.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=lvsvirtualservices,singular=lvsvirtualservice,scope=Namespaced,shortName=lvsvs,categories=lvs
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.spec.address`
// +kubebuilder:printcolumn:name="Port",type=string,JSONPath=`.spec.ports[0].port`
// +kubebuilder:printcolumn:name="Mark",type=integer,JSONPath=`.spec.firewallMark.mark`,priority=1
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
//
// +kubebuilder:validation:XValidation:rule="has(self.ports) != has(self.firewallMark)",message="a virtual service is by address and ports, or by firewallMark: give ports or firewallMark, and not both"
// +kubebuilder:validation:XValidation:rule="has(self.address) || has(self.firewallMark)",message="address is required with ports"
// +kubebuilder:validation:XValidation:rule="!has(self.address) || !has(self.firewallMark) || self.address.contains(':') == self.firewallMark.match[0].addresses[0].contains(':')",message="address must be of the family, IPv4 or IPv6, of the networks that firewallMark matches"
// +kubebuilder:validation:XValidation:rule="has(self.persistence) || !has(self.ports) || self.ports.all(p, p.port != 0)",message="port 0 needs persistence: the kernel refuses it otherwise"
// +kubebuilder:validation:XValidation:rule="self.forwardingMethod == 'NAT' || !has(self.ports) || self.ports.all(p, !has(p.applicationHelper))",message="applicationHelper needs forwardingMethod: NAT; with the other methods answers do not pass the director"
// +kubebuilder:validation:XValidation:rule="!has(self.schedulerFlags) || self.schedulerFlags.all(f, f.startsWith(self.scheduler + '-'))",message="schedulerFlags must be the scheduler's: sh-port and sh-fallback for sh, mh-port and mh-fallback for mh, none for the others"
// +kubebuilder:validation:XValidation:rule="!has(self.persistence) || !has(self.persistence.engine) || !has(self.ports) || self.ports.all(p, p.protocol == 'UDP')",message="persistence.engine: sip reads SIP over UDP; give every port protocol: UDP"
// +kubebuilder:validation:XValidation:rule="!has(self.persistence) || !has(self.persistence.engine) || !has(self.firewallMark) || self.firewallMark.match.all(m, has(m.protocol) && m.protocol == 'UDP')",message="persistence.engine: sip reads SIP over UDP; give every match of firewallMark protocol: UDP"
// +kubebuilder:validation:XValidation:rule="!has(self.persistence) || !has(self.persistence.prefixLength) || self.persistence.prefixLength <= 32 || (has(self.address) ? self.address.contains(':') : self.firewallMark.match[0].addresses[0].contains(':'))",message="persistence.prefixLength must be at most 32 for IPv4"
// +kubebuilder:validation:XValidation:rule="!has(self.onePacketScheduling) || !self.onePacketScheduling || !has(self.ports) || self.ports.all(p, p.protocol == 'UDP')",message="onePacketScheduling is for UDP only; give every port protocol: UDP"
// +kubebuilder:validation:XValidation:rule="!has(self.onePacketScheduling) || !self.onePacketScheduling || !has(self.firewallMark) || self.firewallMark.match.all(m, has(m.protocol) && m.protocol == 'UDP')",message="onePacketScheduling is for UDP only; give every match of firewallMark protocol: UDP"
// +kubebuilder:validation:XValidation:rule="!has(self.quorum) || !has(self.quorum.withdrawAddress) || !self.quorum.withdrawAddress || has(self.ports)",message="quorum.withdrawAddress takes an address away that ports are on; a service by firewall mark has none"
// +kubebuilder:validation:XValidation:rule="!has(self.quorum) || !has(self.quorum.withdrawAddress) || !self.quorum.withdrawAddress || !has(self.sorryServer)",message="the sorryServer is reached by the address: leave sorryServer or quorum.withdrawAddress out"
// +kubebuilder:validation:XValidation:rule="!has(self.panicThreshold) || self.panicThreshold == 0 || !(has(self.sorryServer) || has(self.quorum) && has(self.quorum.withdrawAddress) && self.quorum.withdrawAddress)",message="with a panicThreshold connections go on to the real servers when few are healthy: leave sorryServer and quorum.withdrawAddress out, or panicThreshold"
type VirtualServiceSpec struct {
	// directorGroup is the name of the DirectorGroup that carries this service.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	DirectorGroup string `json:"directorGroup"`

	// address is the virtual IP (VIP), IPv4 or IPv6 in canonical form, from one of the group's address pools. Required with
	// ports. With firewallMark it is optional: an address that routers use as their next hop, carried by VRRP like any other,
	// and by itself not balanced. An IPv6 address moves together with the group's IPv4 virtual router, and neighbours learn of a
	// move by their own neighbour unreachability detection: no unsolicited neighbour advertisement is sent yet.
	// +optional
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip.isCanonical(self) && ip(self).isGlobalUnicast()",message="must be a unicast IPv4 or IPv6 address in canonical form, for example 192.0.2.10 or 2001:db8::10"
	Address IPAddress `json:"address,omitempty"`

	// ports that clients reach; each is one IPVS service. Required without firewallMark, and not allowed with it.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.exists_one(b, a.port == b.port && a.protocol == b.protocol))",message="no two ports may have the same number and protocol"
	Ports []ServicePort `json:"ports,omitempty"`

	// firewallMark makes one service of all packets that it matches, whatever their address and port.
	// +optional
	FirewallMark *FirewallMark `json:"firewallMark,omitempty"`

	// scheduler picks the real server of a new connection: rr (round robin), wrr (weighted round robin), lc (least
	// connections), wlc (weighted least connections, the default), lblc (a destination address goes to one real server, by least
	// connections: cache clusters), lblcr (the same with a set of real servers a destination), dh (hash of the destination
	// address), sh (hash of the client's address), sed (shortest expected delay), nq (never queue: an idle real server first,
	// then sed), fo (failover: the greatest weight gets all), ovf (overflow: the greatest weight until it has as many active
	// connections, then the next), mh (Maglev hash of the client's address: few clients move when a real server goes), twos (the
	// better of two picked at random by weight; since Linux 5.12, where it was built).
	// +optional
	// +kubebuilder:default=wlc
	// +kubebuilder:validation:Enum=rr;wrr;lc;wlc;lblc;lblcr;dh;sh;sed;nq;fo;ovf;mh;twos
	Scheduler Scheduler `json:"scheduler,omitempty"`

	// schedulerFlags change the schedulers sh and mh: sh-port and mh-port hash the client's port, too; sh-fallback and
	// mh-fallback take another real server where the one that was picked has weight 0 or is overloaded.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:Enum=sh-port;sh-fallback;mh-port;mh-fallback
	SchedulerFlags []SchedulerFlag `json:"schedulerFlags,omitempty"`

	// forwardingMethod is how packets reach the real servers: DirectRouting (default; the same link, the VIP on the real
	// server's lo), Tunnel (encapsulated as tunnel says, the VIP on the real server) or NAT (the director is on the way back).
	// A member of the pool may override it. Where a real server's family is not the service's, only Tunnel works.
	// +optional
	// +kubebuilder:default=DirectRouting
	// +kubebuilder:validation:Enum=DirectRouting;Tunnel;NAT
	ForwardingMethod ForwardingMethod `json:"forwardingMethod,omitempty"`

	// tunnel is how packets are wrapped on the way to real servers whose method is Tunnel. Absent: IP in IP.
	// +optional
	Tunnel *TunnelOptions `json:"tunnel,omitempty"`

	// persistence sends a client to the real server that it had before. Absent: each connection is scheduled anew.
	// +optional
	Persistence *Persistence `json:"persistence,omitempty"`

	// onePacketScheduling schedules every UDP packet anew, whoever sent it: for protocols of one question and one answer
	// through one client socket, such as DNS resolvers. The kernel forgets a packet once it is forwarded.
	// +optional
	OnePacketScheduling bool `json:"onePacketScheduling,omitempty"`

	// drain is how long a real server that leaves keeps the connections that it has. Absent: its defaults.
	// +optional
	Drain *Drain `json:"drain,omitempty"`

	// quorum is how much of the pool has to be healthy, and whether the virtual IP goes while it is not. Absent: one healthy real server
	// with a weight is enough.
	// +optional
	Quorum *Quorum `json:"quorum,omitempty"`

	// sorryServer gets every new connection while the quorum is lost, for example to show a page that says so. Absent: none does.
	// keepalived calls it sorry_server.
	// +optional
	SorryServer *SorryServer `json:"sorryServer,omitempty"`

	// inhibitOnFailure leaves a real server whose health check fails in the kernel with weight 0: it gets no new connections and keeps
	// those that it has. false (default): it is taken out, and its connections end. keepalived calls it inhibit_on_failure.
	// +optional
	InhibitOnFailure bool `json:"inhibitOnFailure,omitempty"`

	// panicThreshold is a percentage, 0 to 100, default 0: while fewer of the real servers are healthy, as a director sees them, its checks
	// are not believed, and connections go to all of them rather than to few or none. That director also lowers its VRRP priority, so
	// that another one takes over that sees more of them healthy: if it stays Active, the others agree. Real servers that were not
	// checked yet are no reason. 0: never.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	PanicThreshold int32 `json:"panicThreshold,omitempty"`

	// slowStart is how long the weight of a real server that comes up takes to grow from a small part to the whole, as a duration in whole
	// seconds, 0s (default: at once) to 1h, in at most 20 steps. Weights are whole numbers: one of 1 cannot grow, one of 100 grows smoothly.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('1h') && self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')",message="slowStart must be a whole number of seconds between 0s and 1h"
	SlowStart *metav1.Duration `json:"slowStart,omitempty"`

	// realServerPool is the name of the RealServerPool, in the same namespace, that serves.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	RealServerPool string `json:"realServerPool"`
}

// ServicePort is one port of a virtual service.
//
// +kubebuilder:validation:XValidation:rule="!has(self.applicationHelper) || (self.protocol == 'TCP' && self.port == 21)",message="applicationHelper: FTP is for port: 21 and protocol: TCP, which is what the kernel prepares for FTP"
type ServicePort struct {
	// name of the port, unique in the service; a DNS label.
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`
	// port number, 1 to 65535; 0: every port of the protocol that no other service of the address has, which needs
	// persistence. Beside a service by firewall mark that matches the address and protocol, 0 is a conflict.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// protocol is TCP (default), UDP or SCTP.
	// +optional
	// +kubebuilder:default=TCP
	// +kubebuilder:validation:Enum=TCP;UDP;SCTP
	Protocol Protocol `json:"protocol,omitempty"`
	// applicationHelper is FTP where data connections, active and passive, have to follow their control connection through NAT:
	// port 21, TCP and forwardingMethod NAT only. It needs the kernel module ip_vs_ftp on the directors. The kernel tracks these
	// connections whatever the group's ipvs.conntrack says.
	// +optional
	// +kubebuilder:validation:Enum=FTP
	ApplicationHelper ApplicationHelper `json:"applicationHelper,omitempty"`
}

// ApplicationHelper is a kernel module that reads a protocol for IPVS.
type ApplicationHelper string

// HelperFTP is ip_vs_ftp.
const HelperFTP ApplicationHelper = "FTP"

// Scheduler is the kernel's name of an IPVS scheduler (ip_vs_<name>).
type Scheduler string

// SchedulerFlag is a flag of an IPVS scheduler by ipvsadm's name.
type SchedulerFlag string

// Flags of schedulers.
const (
	// FlagSHPort hashes the client's port, too; sh.
	FlagSHPort SchedulerFlag = "sh-port"
	// FlagSHFallback takes another real server where the one picked has weight 0 or is overloaded; sh.
	FlagSHFallback SchedulerFlag = "sh-fallback"
	// FlagMHPort hashes the client's port, too; mh.
	FlagMHPort SchedulerFlag = "mh-port"
	// FlagMHFallback takes another real server where the one picked has weight 0 or is overloaded; mh.
	FlagMHFallback SchedulerFlag = "mh-fallback"
)

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
	// Tunnel encapsulates (LVS/TUN).
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
	// prefixLength is how many leading bits of the client's address count: clients of one network share a binding. 1 to 32 for
	// IPv4, 1 to 128 for IPv6; absent: the whole address. keepalived calls it persistence_granularity.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=128
	PrefixLength int32 `json:"prefixLength,omitempty"`
	// engine is sip where a SIP Call-ID, and not the client's address, names the client: UDP only. It needs the kernel module
	// ip_vs_pe_sip on the directors.
	// +optional
	// +kubebuilder:validation:Enum=sip
	Engine PersistenceEngine `json:"engine,omitempty"`
}

// PersistenceEngine is the kernel's name of a persistence engine (ip_vs_pe_<name>).
type PersistenceEngine string

// EngineSIP names a client by its SIP Call-ID (RFC 3261 section 8.1.1.4).
const EngineSIP PersistenceEngine = "sip"

// Drain is how long a real server that was removed from the pool stays in the kernel with weight 0, so that its connections
// can end. It goes earlier when it has none left. A service by firewall mark waits for the longest. Where the group's
// ipvs.expireQuiescentTemplate is false, persistence leads clients back to it until then.
type Drain struct {
	// tcp is for TCP ports, as a duration in whole seconds, 0s to 24h, default 5m.
	// +optional
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('24h') && self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')",message="must be a whole number of seconds between 0s and 24h"
	TCP *metav1.Duration `json:"tcp,omitempty"`
	// udp is for UDP ports, as a duration in whole seconds, 0s to 24h, default 10s.
	// +optional
	// +kubebuilder:default="10s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('24h') && self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')",message="must be a whole number of seconds between 0s and 24h"
	UDP *metav1.Duration `json:"udp,omitempty"`
	// sctp is for SCTP ports, as a duration in whole seconds, 0s to 24h, default 5m.
	// +optional
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('24h') && self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')",message="must be a whole number of seconds between 0s and 24h"
	SCTP *metav1.Duration `json:"sctp,omitempty"`
}

// VirtualServiceStatus is what the directors run of a virtual service.
type VirtualServiceStatus struct {
	// observedGeneration is the metadata.generation that this status speaks of; 0 or absent: none yet.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// active is the name of the node that is Active for the address. Empty: none; several, separated by commas: a split brain, with
	// the reason TwoActives of Ready, or a service by firewall mark whose addresses are on several virtual routers.
	// +optional
	Active string `json:"active,omitempty"`
	// healthy is "healthy/all" real servers of the worst port as the Active director sees them. Up to 30 s old.
	// +optional
	Healthy string `json:"healthy,omitempty"`
	// ports is, a port, what each director runs. A service by firewall mark has one entry here, named mark.
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
	// name of the port, or mark.
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
