// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// appendServiceKey appends the attribute that names a service.
func appendServiceKey(b []byte, key ipvs.ServiceKey) []byte {
	start := len(b)
	return endNested(appendKey(beginNested(b, attrService), key), start)
}

// appendKey appends what names a service: its mark, or its protocol, address and port.
func appendKey(b []byte, key ipvs.ServiceKey) []byte {
	b = append16(b, serviceFamily, uint16(key.Family()))
	if key.Mark != 0 {
		return append32(b, serviceMark, key.Mark)
	}
	b = append16(b, serviceProtocol, uint16(key.Protocol))
	b = appendAddress(b, serviceAddress, key.Address)
	return appendBig16(b, servicePort, key.Port)
}

// appendService appends the attribute that says all of a service. The kernel insists on a netmask, even without
// persistence, and takes an engine that is left out for none.
func appendService(b []byte, service ipvs.Service) []byte {
	start := len(b)
	b = appendKey(beginNested(b, attrService), service.Key)
	b = appendString(b, serviceScheduler, service.Scheduler)
	b = appendFlags(b, service)
	b = append32(b, serviceTimeout, service.PersistenceTimeout)
	b = appendNetmask(b, service)
	if service.PersistenceEngine != "" {
		b = appendString(b, serviceEngine, service.PersistenceEngine)
	}
	return endNested(b, start)
}

// appendFlags appends struct ip_vs_flags: the flags, and which of them are meant, which is all.
func appendFlags(b []byte, service ipvs.Service) []byte {
	flags := uint32(service.Flags) &^ (flagPersistent | flagHashed)
	if service.PersistenceTimeout > 0 {
		flags |= flagPersistent
	}
	b = append32(b, serviceFlags, flags)
	start := len(b) - nlaHeaderSize - 4
	return endNested(append(b, 0xff, 0xff, 0xff, 0xff), start)
}

// appendNetmask appends the bits of the client's address that persistence looks at: for IPv4 a mask in network byte order,
// for IPv6 a prefix length in the host's.
func appendNetmask(b []byte, service ipvs.Service) []byte {
	prefix := uint32(service.PersistencePrefix)
	if service.Key.Family() == ipvs.IPv6 {
		if prefix == 0 || prefix > hostPrefix {
			prefix = hostPrefix
		}
		return append32(b, serviceNetmask, prefix)
	}
	if prefix == 0 || prefix > 32 {
		prefix = 32
	}
	return appendBig32(b, serviceNetmask, allBits<<(32-prefix))
}

// appendDestinationKey appends what names a destination inside its service.
func appendDestinationKey(b []byte, key netip.AddrPort) []byte {
	b = append16(b, destFamily, uint16(ipvs.FamilyOf(key.Addr())))
	b = appendAddress(b, destAddress, key.Addr())
	return appendBig16(b, destPort, key.Port())
}

// appendDestination appends the attribute that says all of a destination. A tunnel's type goes with every tunnel: the
// kernel takes one that is left out for IP in IP, also on a change.
func appendDestination(b []byte, destination ipvs.Destination) []byte {
	start := len(b)
	b = appendDestinationKey(beginNested(b, attrDest), destination.Key())
	b = append32(b, destMethod, uint32(destination.Method))
	b = append32(b, destWeight, destination.Weight)
	b = append32(b, destUpperThreshold, destination.UpperThreshold)
	b = append32(b, destLowerThreshold, destination.LowerThreshold)
	if destination.Method == ipvs.Tunnelling {
		b = append8(b, destTunnelType, uint8(destination.Tunnel.Type))
		b = appendBig16(b, destTunnelPort, destination.Tunnel.Port)
		b = append16(b, destTunnelFlags, uint16(destination.Tunnel.Flags))
	}
	return endNested(b, start)
}

// appendDaemon appends what says all of a sync daemon. The kernel fills in what is left out.
func appendDaemon(b []byte, daemon ipvs.Daemon) []byte {
	b = append32(b, daemonState, uint32(daemon.State))
	b = appendString(b, daemonInterface, daemon.Interface)
	b = append32(b, daemonID, daemon.ID)
	if daemon.MaxLength != 0 {
		b = append16(b, daemonMaxLength, daemon.MaxLength)
	}
	switch {
	case daemon.Group.Is4():
		b = appendAddress(b, daemonGroup, daemon.Group)
	case daemon.Group.Is6():
		b = appendAddress(b, daemonGroup6, daemon.Group)
	}
	if daemon.Port != 0 {
		b = append16(b, daemonPort, daemon.Port)
	}
	if daemon.TTL != 0 {
		b = append8(b, daemonTTL, daemon.TTL)
	}
	return b
}
