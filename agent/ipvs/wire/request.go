// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// Request is what every message to the family IPVS carries. Each of its methods appends one whole message to b, as append
// does. The kernel answers a message that changes something only where it refuses it, or where Acknowledge was called.
type Request struct {
	// Family is the number of the family, which DecodeFamily reads; another one after ip_vs was loaded again.
	Family uint16
	// Sequence is what the kernel's answers carry.
	Sequence uint32
}

// Acknowledge makes the kernel answer the message at the beginning of b even where it does what was asked (NLM_F_ACK).
func Acknowledge(b []byte) {
	flags := binary.NativeEndian.Uint16(b[6:])
	binary.NativeEndian.PutUint16(b[6:], flags|flagAcknowledge)
}

// NewService adds a service. The kernel says EEXIST where it exists, and ENOENT where it has no such scheduler or engine.
func (r Request) NewService(b []byte, service ipvs.Service) []byte {
	return r.service(b, cmdNewService, service)
}

// SetService changes all of a service but its key. What service leaves out is cleared.
func (r Request) SetService(b []byte, service ipvs.Service) []byte {
	return r.service(b, cmdSetService, service)
}

// DelService deletes a service with its destinations. The kernel says ESRCH where it does not exist.
func (r Request) DelService(b []byte, key ipvs.ServiceKey) []byte {
	return r.serviceKey(b, cmdDelService, 0, key)
}

// GetService asks for one service. The kernel says ESRCH where it does not exist.
func (r Request) GetService(b []byte, key ipvs.ServiceKey) []byte {
	return r.serviceKey(b, cmdGetService, 0, key)
}

// GetServices asks for all services, in a dump.
func (r Request) GetServices(b []byte) []byte { return r.bare(b, cmdGetService, flagDump) }

// NewDest adds a destination to a service. The kernel says ESRCH where the service does not exist, EEXIST where the
// destination does, and EINVAL where its address is neither unicast nor local or its family or tunnel do not fit.
func (r Request) NewDest(b []byte, key ipvs.ServiceKey, destination ipvs.Destination) []byte {
	return r.destination(b, cmdNewDest, key, destination)
}

// SetDest changes all of a destination but its key. What destination leaves out is cleared. The kernel says ENOENT where
// the destination does not exist.
func (r Request) SetDest(b []byte, key ipvs.ServiceKey, destination ipvs.Destination) []byte {
	return r.destination(b, cmdSetDest, key, destination)
}

// DelDest deletes a destination of a service. The kernel says ENOENT where it does not exist.
func (r Request) DelDest(b []byte, key ipvs.ServiceKey, destination netip.AddrPort) []byte {
	start := len(b)
	b = appendServiceKey(r.begin(b, cmdDelDest, 0), key)
	inner := len(b)
	b = appendDestinationKey(beginNested(b, attrDest), destination)
	return end(endNested(b, inner), start)
}

// GetDests asks for the destinations of a service, in a dump. One that does not exist has none.
func (r Request) GetDests(b []byte, key ipvs.ServiceKey) []byte {
	return r.serviceKey(b, cmdGetDest, flagDump, key)
}

// NewDaemon starts a sync daemon. The kernel says EEXIST where the state's daemon runs.
func (r Request) NewDaemon(b []byte, daemon ipvs.Daemon) []byte {
	start := len(b)
	b = r.begin(b, cmdNewDaemon, 0)
	inner := len(b)
	b = appendDaemon(beginNested(b, attrDaemon), daemon)
	return end(endNested(b, inner), start)
}

// DelDaemon stops a sync daemon. The kernel says ESRCH where it does not run.
func (r Request) DelDaemon(b []byte, state ipvs.DaemonState) []byte {
	start := len(b)
	b = r.begin(b, cmdDelDaemon, 0)
	inner := len(b)
	b = append32(beginNested(b, attrDaemon), daemonState, uint32(state))
	return end(endNested(b, inner), start)
}

// GetDaemons asks for the sync daemons that run, in a dump.
func (r Request) GetDaemons(b []byte) []byte { return r.bare(b, cmdGetDaemon, flagDump) }

// SetConfig sets the time-outs that are not 0.
func (r Request) SetConfig(b []byte, timeouts ipvs.Timeouts) []byte {
	start := len(b)
	b = r.begin(b, cmdSetConfig, 0)
	if timeouts.TCP != 0 {
		b = append32(b, attrTimeoutTCP, timeouts.TCP)
	}
	if timeouts.TCPFin != 0 {
		b = append32(b, attrTimeoutTCPFin, timeouts.TCPFin)
	}
	if timeouts.UDP != 0 {
		b = append32(b, attrTimeoutUDP, timeouts.UDP)
	}
	return end(b, start)
}

// GetConfig asks for the time-outs; the answer is SetConfig.
func (r Request) GetConfig(b []byte) []byte { return r.bare(b, cmdGetConfig, 0) }

// GetInfo asks for the version and the size of the connection table; the answer is SetInfo, which is never sent.
func (r Request) GetInfo(b []byte) []byte { return r.bare(b, cmdGetInfo, 0) }

// Zero zeroes the statistics of a service and its destinations.
func (r Request) Zero(b []byte, key ipvs.ServiceKey) []byte { return r.serviceKey(b, cmdZero, 0, key) }

// ZeroAll zeroes the statistics of everything.
func (r Request) ZeroAll(b []byte) []byte { return r.bare(b, cmdZero, 0) }

// Flush deletes every service.
func (r Request) Flush(b []byte) []byte { return r.bare(b, cmdFlush, 0) }

func (r Request) begin(b []byte, command command, flags uint16) []byte {
	return begin(b, r.Family, flags, r.Sequence, uint8(command), familyVersion)
}

// bare is a message without attributes.
func (r Request) bare(b []byte, command command, flags uint16) []byte {
	start := len(b)
	return end(r.begin(b, command, flags), start)
}

// serviceKey is a message that names a service.
func (r Request) serviceKey(b []byte, command command, flags uint16, key ipvs.ServiceKey) []byte {
	start := len(b)
	return end(appendServiceKey(r.begin(b, command, flags), key), start)
}

// service is a message that says all of a service.
func (r Request) service(b []byte, command command, service ipvs.Service) []byte {
	start := len(b)
	return end(appendService(r.begin(b, command, 0), service), start)
}

// destination is a message that says all of a destination.
func (r Request) destination(b []byte, command command, key ipvs.ServiceKey, destination ipvs.Destination) []byte {
	if isShort(key, destination) {
		return r.appendShort(b, command, key, destination)
	}
	return r.appendLong(b, command, key, destination)
}

// appendLong appends such a message in any form.
func (r Request) appendLong(b []byte, command command, key ipvs.ServiceKey, destination ipvs.Destination) []byte {
	start := len(b)
	b = appendServiceKey(r.begin(b, command, 0), key)
	return end(appendDestination(b, destination), start)
}
