// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// IPVSSettings are settings of a director's whole kernel: the time-outs of connections, and sysctls below net.ipv4.vs
// (Documentation/networking/ipvs-sysctl.rst of Linux). What is absent, and has no default here, stays as the kernel or
// the node's administrator has it. What the agent writes is put back when the node leaves the group or has no service left.
//
// +kubebuilder:validation:XValidation:rule="(has(self.syncPeriod) && self.syncPeriod == 0) || (has(self.syncThreshold) ? self.syncThreshold : 3) < (has(self.syncPeriod) ? self.syncPeriod : 50)",message="syncThreshold (default 3) must be less than syncPeriod (default 50), unless that is 0"
type IPVSSettings struct {
	// timeouts of idle connections.
	// +optional
	Timeouts *IPVSTimeouts `json:"timeouts,omitempty"`

	// expireNoDestConn ends a connection at its next packet when its real server is gone from the table, so that the client
	// learns of it and can connect anew; off, its packets are dropped in silence (expire_nodest_conn). Default true; the
	// kernel's own: false.
	// +optional
	// +kubebuilder:default=true
	ExpireNoDestConn *bool `json:"expireNoDestConn,omitempty"`
	// expireQuiescentTemplate ends a client's persistence when its real server has weight 0 (expire_quiescent_template). If false,
	// persistence leads clients back to a real server that drains until its drain time is over. Default true; the kernel's own:
	// false.
	// +optional
	// +kubebuilder:default=true
	ExpireQuiescentTemplate *bool `json:"expireQuiescentTemplate,omitempty"`
	// connReuseMode says when a new connection from a port that the client used shortly before is scheduled anew
	// (conn_reuse_mode): 0 never; bit 1 (values 1 and 3) when it is safe, that is in TIME_WAIT; bit 2 (2 and 3) in FIN_WAIT,
	// too, the last state that DirectRouting and Tunnel see. Default 3, else a busy client keeps falling back on real servers
	// that are gone; the kernel's own: 1.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3
	ConnReuseMode *int32 `json:"connReuseMode,omitempty"`

	// conntrack keeps netfilter's connection tracking for balanced connections, too, which stateful firewall rules and SNAT of
	// them need; it costs a good part of the speed (conntrack). The connections of the FTP helper have it regardless. Kernel:
	// false.
	// +optional
	Conntrack *bool `json:"conntrack,omitempty"`
	// natICMPSend answers packets of real servers that belong to no connection with ICMP destination unreachable; NAT only
	// (nat_icmp_send). Kernel: false.
	// +optional
	NATICMPSend *bool `json:"natICMPSend,omitempty"`
	// snatReroute looks the route of NAT's answers up as if the director had sent them; with policy routing that may be
	// another one, without it costs for nothing (snat_reroute). Kernel: true.
	// +optional
	SNATReroute *bool `json:"snatReroute,omitempty"`
	// sloppyTCP makes a connection of any TCP packet, not only of a SYN: a director that takes over without having synchronised
	// connections schedules them on (sloppy_tcp). Kernel: false.
	// +optional
	SloppyTCP *bool `json:"sloppyTCP,omitempty"`
	// sloppySCTP is the same for SCTP (sloppy_sctp). Kernel: false.
	// +optional
	SloppySCTP *bool `json:"sloppySCTP,omitempty"`

	// dropEntry drops half-open connections at random, against SYN floods (drop_entry): 0 never, 1 and 2 when memory is short
	// (the kernel turns one into the other), 3 always. Kernel: 0.
	// +optional
	// +kubebuilder:validation:Enum=0;1;3
	DropEntry *int32 `json:"dropEntry,omitempty"`
	// dropPacket drops a part of the packets before they are forwarded (drop_packet); values as of dropEntry, the part in mode
	// 3 is amDropRate's. Kernel: 0.
	// +optional
	// +kubebuilder:validation:Enum=0;1;3
	DropPacket *int32 `json:"dropPacket,omitempty"`
	// secureTCP uses a TCP state table that trusts a connection later, against floods of half-open ones (secure_tcp); values as
	// of dropEntry. Kernel: 0.
	// +optional
	// +kubebuilder:validation:Enum=0;1;3
	SecureTCP *int32 `json:"secureTCP,omitempty"`
	// amDropRate is the rate of dropPacket: 3, one packet in so many, 1 (all) to 2147483647 (am_droprate). Kernel: 10.
	// +optional
	// +kubebuilder:validation:Minimum=1
	AMDropRate *int32 `json:"amDropRate,omitempty"`
	// amemThresh is how much free memory, in pages, is short for dropEntry, dropPacket and secureTCP: 0 to 2147483647
	// (amemthresh). Kernel: 1024.
	// +optional
	// +kubebuilder:validation:Minimum=0
	AMemThresh *int32 `json:"amemThresh,omitempty"`

	// pmtuDisc refuses packets with DF that do not fit the path with ICMP "fragmentation needed"; off, Tunnel fragments them
	// (pmtu_disc). Kernel: true.
	// +optional
	PMTUDisc *bool `json:"pmtuDisc,omitempty"`
	// scheduleICMP schedules ICMP errors that belong to no connection by the packet that they quote: path MTU messages reach
	// real servers although another director has the connection (schedule_icmp, since Linux 4.4). Kernel: false.
	// +optional
	ScheduleICMP *bool `json:"scheduleICMP,omitempty"`
	// ignoreTunneled leaves packets of unknown protocols, IP in IP among them, alone, so that a director that is a real server,
	// too, does not balance what was tunnelled to it (ignore_tunneled, since Linux 4.4). Kernel: false.
	// +optional
	IgnoreTunneled *bool `json:"ignoreTunneled,omitempty"`
	// cacheBypass sends packets on to their own destination when a service by firewall mark has no real server left: a
	// transparent cache cluster that is down does not stop its users (cache_bypass). Kernel: false.
	// +optional
	CacheBypass *bool `json:"cacheBypass,omitempty"`

	// lblcExpiration is how long the scheduler lblc remembers the real server of a destination address that no connection is
	// scheduled to, as a duration in whole seconds, 1s to 596h; the kernel looks every 30 minutes (lblc_expiration, which exists
	// while the module ip_vs_lblc is loaded). Kernel: 24h.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('596h') && self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')",message="must be a whole number of seconds between 1s and 596h"
	LBLCExpiration *metav1.Duration `json:"lblcExpiration,omitempty"`
	// lblcrExpiration is the same for lblcr, and how long a destination's set of several real servers stays unchanged before the
	// busiest one leaves it, as a duration in whole seconds, 1s to 596h (lblcr_expiration, which exists while the module
	// ip_vs_lblcr is loaded). Kernel: 24h.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('596h') && self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')",message="must be a whole number of seconds between 1s and 596h"
	LBLCRExpiration *metav1.Duration `json:"lblcrExpiration,omitempty"`
	// runEstimation keeps the rates and counters of services and real servers up to date, every 2 s; off, they stand still, which
	// saves CPU time where there are very many (run_estimation, since Linux 5.16). Kernel: true.
	// +optional
	RunEstimation *bool `json:"runEstimation,omitempty"`
	// backupOnly balances nothing on a director while its kernel receives another director's connections as their backup
	// (ipvsadm --start-daemon backup): without it, directors that are each other's real servers by DirectRouting or Tunnel may
	// send a packet round in a loop (backup_only). Kernel: false.
	// +optional
	BackupOnly *bool `json:"backupOnly,omitempty"`

	// syncThreshold is the number of a connection's packet at which it is first sent to the other directors, 0 to 2147483646, less
	// than syncPeriod unless that is 0 (first value of sync_threshold). Kernel: 3.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483646
	SyncThreshold *int32 `json:"syncThreshold,omitempty"`
	// syncPeriod is after how many packets an unchanged connection is sent again, 0 (never) to 2147483647 (second value of
	// sync_threshold). Lower, less is lost of what a backup did not hear; higher, less is sent. Kernel: 50.
	// +optional
	// +kubebuilder:validation:Minimum=0
	SyncPeriod *int32 `json:"syncPeriod,omitempty"`
	// syncRetries is how often a connection is sent again within syncRefreshPeriod, 0 to 3, against lost datagrams (sync_retries).
	// Kernel: 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3
	SyncRetries *int32 `json:"syncRetries,omitempty"`
	// syncPersistMode sends of persistent clients only the persistence, and not each connection (sync_persist_mode): much less is
	// sent, but connections break at a failover where sloppyTCP is off. Kernel: false.
	// +optional
	SyncPersistMode *bool `json:"syncPersistMode,omitempty"`
	// syncPorts is how many threads, each with a UDP port of its own from connectionSync.port on, send and receive: a power of 2, 1
	// to 64 (sync_ports). The same on all directors; it counts when daemons start. Kernel: 1.
	// +optional
	// +kubebuilder:validation:Enum=1;2;4;8;16;32;64
	SyncPorts *int32 `json:"syncPorts,omitempty"`
	// syncRefreshPeriod is how much a connection's timer must have moved until it is sent again, as a duration in whole seconds, 0s
	// (off) to 1h (sync_refresh_period): busy connections are sent less. Kernel: 0s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('1h') && self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')",message="must be a whole number of seconds between 0s and 1h"
	SyncRefreshPeriod *metav1.Duration `json:"syncRefreshPeriod,omitempty"`
	// syncQueueLength is how many datagrams wait to be sent at most, 0 to 2147483647; what does not fit is lost (sync_qlen_max).
	// Kernel: by the size of its memory.
	// +optional
	// +kubebuilder:validation:Minimum=0
	SyncQueueLength *int32 `json:"syncQueueLength,omitempty"`
	// syncSocketSize is the size in bytes of the daemons' socket buffers, 0 (as for any socket) to 2147483647; it counts when
	// daemons start (sync_sock_size). Kernel: 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	SyncSocketSize *int32 `json:"syncSocketSize,omitempty"`
}

// IPVSTimeouts are how long the kernel keeps idle connections (ipvsadm --set). Absent: as the kernel has it. 596h is what fits
// the kernel's limit, INT_MAX/HZ seconds, with HZ=1000.
type IPVSTimeouts struct {
	// tcp is for established TCP connections, as a duration in whole seconds, 1s to 596h. Kernel: 15m.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('596h') && self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')",message="must be a whole number of seconds between 1s and 596h"
	TCP *metav1.Duration `json:"tcp,omitempty"`
	// tcpFin is for TCP connections after a FIN, as a duration in whole seconds, 1s to 596h. Kernel: 2m.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('596h') && self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')",message="must be a whole number of seconds between 1s and 596h"
	TCPFin *metav1.Duration `json:"tcpFin,omitempty"`
	// udp is for UDP, as a duration in whole seconds, 1s to 596h. Kernel: 5m.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('596h') && self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')",message="must be a whole number of seconds between 1s and 596h"
	UDP *metav1.Duration `json:"udp,omitempty"`
}

// CompiledIPVSSettings are a director's kernel settings with every default filled in.
type CompiledIPVSSettings struct {
	// tcpTimeoutSeconds is for established TCP connections, 1 to 2145600 (596 hours); 0 or absent: left as it is.
	// +optional
	TCPTimeoutSeconds int32 `json:"tcpTimeoutSeconds,omitempty"`
	// tcpFinTimeoutSeconds is for TCP connections after a FIN, 1 to 2145600; 0 or absent: left as it is.
	// +optional
	TCPFinTimeoutSeconds int32 `json:"tcpFinTimeoutSeconds,omitempty"`
	// udpTimeoutSeconds is for UDP, 1 to 2145600; 0 or absent: left as it is.
	// +optional
	UDPTimeoutSeconds int32 `json:"udpTimeoutSeconds,omitempty"`
	// sysctls are the settings to write, sorted by name; what is not listed is left as it is.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Sysctls []Sysctl `json:"sysctls,omitempty"`
}

// Sysctl is a kernel setting.
type Sysctl struct {
	// name in dotted form, for example net.ipv4.vs.conn_reuse_mode.
	// +required
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name"`
	// value as sysctl prints it, for example 1.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Value string `json:"value"`
}
