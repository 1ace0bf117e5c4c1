// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"fmt"
	"net/netip"
)

// DaemonState says which of the two sync daemons one is (IP_VS_STATE_* of linux/ip_vs.h).
type DaemonState uint32

// The sync daemons of a kernel: it runs each at most once in a network namespace.
const (
	// Master sends this director's connections to the others.
	Master DaemonState = 1
	// Backup takes the connections of another director over.
	Backup DaemonState = 2
)

// String is ipvsadm's word, master or backup, and the number for any other.
func (s DaemonState) String() string {
	switch s {
	case Master:
		return "master"
	case Backup:
		return "backup"
	default:
		return fmt.Sprintf("daemon state %d", uint32(s))
	}
}

// Daemon is a connection sync daemon (IPVS_CMD_NEW_DAEMON). On a write the kernel fills in what is zero, apart from State,
// Interface and ID; it is never zero when read.
type Daemon struct {
	State DaemonState
	// Interface is the name of the interface that the datagrams use, 1 to 15 bytes.
	Interface string
	// ID is the sync id, 0 to 255. A backup with 0 takes the connections of every id.
	ID uint32
	// MaxLength is the longest UDP payload in bytes; zero: what the interface's MTU allows. Since Linux 4.3, as all below.
	MaxLength uint16
	// Group is the multicast address, IPv4 or IPv6; the zero Addr: 224.0.0.81.
	Group netip.Addr
	// Port is the UDP port; zero: 8848.
	Port uint16
	// TTL is the hop limit of the datagrams; zero: 1.
	TTL uint8
}

// String is ipvsadm's arguments, for example --start-daemon master --mcast-interface eth0 --syncid 7.
func (d Daemon) String() string {
	line := fmt.Sprintf("--start-daemon %s --mcast-interface %s --syncid %d", d.State, d.Interface, d.ID)
	if d.MaxLength != 0 {
		line += fmt.Sprintf(" --sync-maxlen %d", d.MaxLength)
	}
	if d.Group.IsValid() {
		line += fmt.Sprintf(" --mcast-group %s", d.Group)
	}
	if d.Port != 0 {
		line += fmt.Sprintf(" --mcast-port %d", d.Port)
	}
	if d.TTL != 0 {
		line += fmt.Sprintf(" --mcast-ttl %d", d.TTL)
	}
	return line
}
