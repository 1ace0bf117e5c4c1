// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// Attributes of the IPVS family (enums in linux/ip_vs.h).
const (
	attrService = 1 // IPVS_CMD_ATTR_SERVICE
	attrDest    = 2 // IPVS_CMD_ATTR_DEST

	svcFamily    = 1
	svcProtocol  = 2
	svcAddress   = 3
	svcPort      = 4
	svcMark      = 5
	svcScheduler = 6
	svcFlags     = 7
	svcTimeout   = 8
	svcNetmask   = 9

	destAddress        = 1
	destPort           = 2
	destMethod         = 3
	destWeight         = 4
	destUpperThreshold = 5
	destLowerThreshold = 6
	destFamily         = 11
)

const (
	flagPersistent = 0x1 // IP_VS_SVC_F_PERSISTENT

	// allBits is every flag of a flags attribute, and the netmask of a single host.
	allBits = ^uint32(0)
)

// encodeServiceKey is the attribute that names a service.
func encodeServiceKey(key ipvs.ServiceKey) *nl.RtAttr {
	attribute := nl.NewRtAttr(attrService|unix.NLA_F_NESTED, nil)
	attribute.AddRtAttr(svcFamily, nl.Uint16Attr(unix.AF_INET))
	attribute.AddRtAttr(svcProtocol, nl.Uint16Attr(uint16(key.Protocol)))
	attribute.AddRtAttr(svcAddress, key.Address.AsSlice())
	attribute.AddRtAttr(svcPort, binary.BigEndian.AppendUint16(nil, key.Port))
	return attribute
}

// encodeService is the attribute that says all of a service. What ipvs.Service cannot say is cleared.
func encodeService(service ipvs.Service) *nl.RtAttr {
	var flags uint32
	if service.PersistenceTimeout > 0 {
		flags = flagPersistent
	}
	attribute := encodeServiceKey(service.Key)
	attribute.AddRtAttr(svcScheduler, nl.ZeroTerminated(service.Scheduler))
	attribute.AddRtAttr(svcFlags, append(nl.Uint32Attr(flags), nl.Uint32Attr(allBits)...))
	attribute.AddRtAttr(svcTimeout, nl.Uint32Attr(service.PersistenceTimeout))
	attribute.AddRtAttr(svcNetmask, nl.Uint32Attr(allBits))
	return attribute
}

// encodeDestination is the attribute that says all of a destination. What ipvs.Destination cannot say is cleared; the kernel
// takes a tunnel type that is left out for IP in IP.
func encodeDestination(destination ipvs.Destination) *nl.RtAttr {
	attribute := nl.NewRtAttr(attrDest|unix.NLA_F_NESTED, nil)
	attribute.AddRtAttr(destAddress, destination.Address.AsSlice())
	attribute.AddRtAttr(destPort, binary.BigEndian.AppendUint16(nil, destination.Port))
	attribute.AddRtAttr(destMethod, nl.Uint32Attr(uint32(destination.Method)))
	attribute.AddRtAttr(destWeight, nl.Uint32Attr(destination.Weight))
	attribute.AddRtAttr(destUpperThreshold, nl.Uint32Attr(0))
	attribute.AddRtAttr(destLowerThreshold, nl.Uint32Attr(0))
	attribute.AddRtAttr(destFamily, nl.Uint16Attr(unix.AF_INET))
	return attribute
}

// decodeService reads a service; false: it is of a kind that is never ours, by a firewall mark or IPv6.
func decodeService(answer []byte) (ipvs.Service, bool, error) {
	a, err := decodeNested(answer, attrService)
	if err != nil {
		return ipvs.Service{}, false, err
	}
	address, ok := a.address(svcAddress)
	if a.uint32(svcMark) != 0 || a.uint16(svcFamily) != unix.AF_INET || !ok {
		return ipvs.Service{}, false, nil
	}
	service := ipvs.Service{
		Key:       ipvs.ServiceKey{Address: address, Port: a.port(svcPort), Protocol: ipvs.Protocol(a.uint16(svcProtocol))},
		Scheduler: unix.ByteSliceToString(a[svcScheduler]),
	}
	flags, timeout := a.uint32(svcFlags), a.uint32(svcTimeout)
	if flags&flagPersistent != 0 {
		service.PersistenceTimeout = timeout
	}
	return service, true, nil
}

// decodeDestination reads a destination; false: it is IPv6, which no service of ours can have.
func decodeDestination(answer []byte) (ipvs.Destination, bool, error) {
	a, err := decodeNested(answer, attrDest)
	if err != nil {
		return ipvs.Destination{}, false, err
	}
	address, ok := a.address(destAddress)
	if family, known := a[destFamily]; !ok || known && len(family) >= 2 && a.uint16(destFamily) != unix.AF_INET {
		return ipvs.Destination{}, false, nil
	}
	destination := ipvs.Destination{
		Address: address,
		Port:    a.port(destPort),
		Weight:  a.uint32(destWeight),
		Method:  ipvs.Method(a.uint32(destMethod)),
	}
	return destination, true, nil
}

// attributes are the values of attributes by type. A value that is absent or too short reads as zero.
type attributes map[uint16][]byte

// decodeNested reads the attributes inside the one of this type.
func decodeNested(answer []byte, kind uint16) (attributes, error) {
	outer, err := decodeAttributes(answer)
	if err != nil {
		return nil, err
	}
	nested, ok := outer[kind]
	if !ok {
		return nil, fmt.Errorf("the answer lacks attribute %d", kind)
	}
	return decodeAttributes(nested)
}

// decodeAttributes reads a list of attributes, each a header of length and type, the value, and padding to 4 bytes
// (linux/netlink.h). Of two with one type the later wins.
func decodeAttributes(message []byte) (attributes, error) {
	a := attributes{}
	for len(message) >= unix.SizeofNlAttr {
		length := int(nl.NativeEndian().Uint16(message))
		kind := nl.NativeEndian().Uint16(message[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
		if length < unix.SizeofNlAttr || length > len(message) {
			return nil, fmt.Errorf("netlink attribute %d has length %d, with %d bytes left", kind, length, len(message))
		}
		a[kind] = message[unix.SizeofNlAttr:length]
		padded := (length + unix.NLA_ALIGNTO - 1) &^ (unix.NLA_ALIGNTO - 1)
		message = message[min(padded, len(message)):]
	}
	return a, nil
}

func (a attributes) uint16(kind uint16) uint16 {
	if value := a[kind]; len(value) >= 2 {
		return nl.NativeEndian().Uint16(value)
	}
	return 0
}

func (a attributes) uint32(kind uint16) uint32 {
	if value := a[kind]; len(value) >= 4 {
		return nl.NativeEndian().Uint32(value)
	}
	return 0
}

// port reads a port, which travels in network byte order.
func (a attributes) port(kind uint16) uint16 {
	if value := a[kind]; len(value) >= 2 {
		return binary.BigEndian.Uint16(value)
	}
	return 0
}

// address reads an IPv4 address: the first 4 bytes of the kernel's union nf_inet_addr.
func (a attributes) address(kind uint16) (netip.Addr, bool) {
	value := a[kind]
	if len(value) < 4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(value[:4])), true
}
