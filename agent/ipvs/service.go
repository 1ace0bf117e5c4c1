// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"cmp"
	"fmt"
	"net/netip"
)

// ServiceKey is the identity of a service in the kernel's table.
type ServiceKey struct {
	// Address is the virtual IP, IPv4.
	Address netip.Addr `json:"address"`
	// Port is 1 to 65535.
	Port uint16 `json:"port"`
	// Protocol is TCP, UDP or SCTP.
	Protocol Protocol `json:"protocol"`
}

// String is the key as messages write it, for example 192.0.2.10:443/TCP.
func (k ServiceKey) String() string {
	return fmt.Sprintf("%s/%s", k.addrPort(), k.Protocol)
}

// Option is the key as ipvsadm's arguments, for example -t 192.0.2.10:443.
func (k ServiceKey) Option() string {
	return k.Protocol.option() + " " + k.addrPort().String()
}

// Compare orders keys as ipvsadm --sort does: by protocol number, address and port.
func (k ServiceKey) Compare(other ServiceKey) int {
	return cmp.Or(
		cmp.Compare(k.Protocol, other.Protocol),
		k.Address.Compare(other.Address),
		cmp.Compare(k.Port, other.Port),
	)
}

func (k ServiceKey) addrPort() netip.AddrPort { return netip.AddrPortFrom(k.Address, k.Port) }

// Service is one virtual service: what identifies it, and what can be changed in place (IPVS_CMD_SET_SERVICE).
type Service struct {
	Key ServiceKey `json:"key"`
	// Scheduler is the kernel's name of the scheduler, whose module is ip_vs_<name>; 1 to 15 bytes.
	Scheduler string `json:"scheduler"`
	// PersistenceTimeout is the persistence time-out in seconds; 0: no persistence.
	PersistenceTimeout uint32 `json:"persistenceTimeout,omitempty"`
	// Unknown says of a service read from a kernel that it carries options that this type cannot say (flags, an engine, a
	// netmask). It is never set on a desired service, so that such a service is updated, which clears them.
	Unknown bool `json:"-"`
}

// String is the service's options as ipvsadm prints and reads them, for example -t 192.0.2.10:443 -s wrr -p 300.
func (s Service) String() string {
	line := s.Key.Option() + " -s " + s.Scheduler
	if s.PersistenceTimeout > 0 {
		line += fmt.Sprintf(" -p %d", s.PersistenceTimeout)
	}
	return line
}
