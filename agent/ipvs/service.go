// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
)

// ServiceKey is the identity of a service in the kernel's table: address, port and protocol, or a firewall mark and the
// address family.
type ServiceKey struct {
	// Address is the virtual IP, IPv4 or IPv6. A service by firewall mark has the unspecified address of its family here:
	// 0.0.0.0 or ::.
	Address netip.Addr `json:"address"`
	// Port is 1 to 65535; 0 takes every port that no other service has, and needs persistence. 0 with a firewall mark.
	Port uint16 `json:"port,omitempty"`
	// Protocol is TCP, UDP or SCTP; 0 with a firewall mark, which is of all protocols.
	Protocol Protocol `json:"protocol,omitempty"`
	// Mark is the firewall mark of the packets; 0: the service is by address.
	Mark uint32 `json:"mark,omitempty"`
}

// MarkKey is the identity of a service by firewall mark, which is 1 to 4294967295.
func MarkKey(mark uint32, family Family) ServiceKey {
	return ServiceKey{Address: family.Unspecified(), Mark: mark}
}

// Family is the address family of the service.
func (k ServiceKey) Family() Family { return FamilyOf(k.Address) }

// String is the key as messages write it, for example 192.0.2.10:443/TCP, or mark 7/IPv4.
func (k ServiceKey) String() string {
	if k.Mark != 0 {
		return fmt.Sprintf("mark %d/%s", k.Mark, k.Family())
	}
	return fmt.Sprintf("%s/%s", k.addrPort(), k.Protocol)
}

// Option is the key as ipvsadm's arguments, for example -t 192.0.2.10:443, or -f 7 -6.
func (k ServiceKey) Option() string {
	if k.Mark != 0 {
		option := fmt.Sprintf("-f %d", k.Mark)
		if k.Family() == IPv6 {
			option += " -6"
		}
		return option
	}
	return k.Protocol.option() + " " + k.addrPort().String()
}

// Compare orders keys as ipvsadm does: by mark, those by address first, then by family, protocol number, address and port.
// (ipvsadm takes marks from 2147483648 on for negative.)
func (k ServiceKey) Compare(other ServiceKey) int {
	switch {
	case k.Mark != other.Mark:
		return cmp.Compare(k.Mark, other.Mark)
	case k.Family() != other.Family():
		return cmp.Compare(k.Family(), other.Family())
	case k.Protocol != other.Protocol:
		return cmp.Compare(k.Protocol, other.Protocol)
	case k.Address != other.Address:
		return k.Address.Compare(other.Address)
	default:
		return cmp.Compare(k.Port, other.Port)
	}
}

func (k ServiceKey) addrPort() netip.AddrPort { return netip.AddrPortFrom(k.Address, k.Port) }

// Service is one virtual service: what identifies it, and what can be changed in place (IPVS_CMD_SET_SERVICE).
type Service struct {
	Key ServiceKey `json:"key"`
	// Scheduler is the kernel's name of the scheduler, whose module is ip_vs_<name>; 1 to 15 bytes.
	Scheduler string `json:"scheduler"`
	// Flags are the scheduler's flags and one-packet scheduling.
	Flags Flags `json:"flags,omitempty"`
	// PersistenceTimeout is the persistence time-out in seconds, 1 to 2678400 (31 days); 0: no persistence.
	PersistenceTimeout uint32 `json:"persistenceTimeout,omitempty"`
	// PersistencePrefix is how many leading bits of the client's address persistence looks at, 1 to 32 or 128; 0: all of
	// them. A netmask in a kernel that is no prefix is read as NoPrefix. Meaningless without persistence.
	PersistencePrefix uint8 `json:"persistencePrefix,omitempty"`
	// PersistenceEngine is the kernel's name of the persistence engine (ip_vs_pe_<name>), for example sip; empty: none, the
	// client's address decides.
	PersistenceEngine string `json:"persistenceEngine,omitempty"`
}

// NoPrefix is the PersistencePrefix of a netmask that is no prefix, such as 255.0.255.0: no service of ours has one.
const NoPrefix = 255

// String is the service's options as ipvsadm prints and reads them, for example -t 192.0.2.10:443 -s wrr -p 300.
func (s Service) String() string {
	var line strings.Builder
	line.WriteString(s.Key.Option() + " -s " + s.Scheduler)
	if s.PersistenceTimeout > 0 {
		fmt.Fprintf(&line, " -p %d", s.PersistenceTimeout)
		if s.PersistencePrefix != 0 {
			line.WriteString(" -M " + s.netmask())
		}
		if s.PersistenceEngine != "" {
			line.WriteString(" --pe " + s.PersistenceEngine)
		}
	}
	if s.Flags&OnePacket != 0 {
		line.WriteString(" -o")
	}
	if names := s.Flags.schedulerFlags(s.Scheduler); names != "" {
		line.WriteString(" -b " + names)
	}
	return line.String()
}

// OrderCounts says whether the order in which the destinations were added decides which one a connection gets: the scheduler
// fills a table in that order (net/netfilter/ipvs/ip_vs_sh.c, ip_vs_mh.c and ip_vs_dh.c).
func (s Service) OrderCounts() bool {
	return s.Scheduler == "sh" || s.Scheduler == "mh" || s.Scheduler == "dh"
}

// netmask is PersistencePrefix as ipvsadm writes it: dotted for IPv4, the prefix length for IPv6.
func (s Service) netmask() string {
	if s.Key.Family() == IPv6 {
		return fmt.Sprint(s.PersistencePrefix)
	}
	if s.PersistencePrefix > 32 {
		return "(no prefix)"
	}
	mask := ^uint32(0) << (32 - s.PersistencePrefix)
	return netip.AddrFrom4([4]byte{byte(mask >> 24), byte(mask >> 16), byte(mask >> 8), byte(mask)}).String()
}
