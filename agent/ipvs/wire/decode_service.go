// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"math/bits"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// DecodeService reads the body of an answer to GetService or GetServices.
func DecodeService(body []byte) (ipvs.Service, error) {
	attributes, err := inside(body, attrService, "service")
	if err != nil {
		return ipvs.Service{}, err
	}
	var a serviceAttributes
	if err := walk(attributes, a.take); err != nil {
		return ipvs.Service{}, err
	}
	return a.service()
}

// serviceAttributes are what a service is made of. Their order in an answer is the kernel's, so that the family may be known
// only after the address.
type serviceAttributes struct {
	family               ipvs.Family
	protocol, port       uint16
	mark, flags, timeout uint32
	address, netmask     value
	scheduler, engine    string
}

func (a *serviceAttributes) take(kind uint16, v value) {
	switch kind {
	case serviceFamily:
		a.family = ipvs.Family(v.uint16())
	case serviceProtocol:
		a.protocol = v.uint16()
	case serviceAddress:
		a.address = v
	case servicePort:
		a.port = v.big16()
	case serviceMark:
		a.mark = v.uint32()
	case serviceScheduler:
		a.scheduler = v.text()
	case serviceFlags:
		a.flags = v.uint32()
	case serviceTimeout:
		a.timeout = v.uint32()
	case serviceNetmask:
		a.netmask = v
	case serviceEngine:
		a.engine = v.text()
	}
}

func (a *serviceAttributes) service() (ipvs.Service, error) {
	key, err := a.key()
	if err != nil {
		return ipvs.Service{}, fmt.Errorf("service in the answer: %w", err)
	}
	service := ipvs.Service{
		Key: key, Scheduler: a.scheduler, PersistenceEngine: a.engine,
		Flags: ipvs.Flags(a.flags &^ (flagPersistent | flagHashed)),
	}
	// Without persistence the kernel keeps a time-out and a netmask that mean nothing.
	if a.flags&flagPersistent != 0 {
		service.PersistenceTimeout, service.PersistencePrefix = a.timeout, a.prefix()
	}
	return service, nil
}

func (a *serviceAttributes) key() (ipvs.ServiceKey, error) {
	if a.family != ipvs.IPv4 && a.family != ipvs.IPv6 {
		return ipvs.ServiceKey{}, fmt.Errorf("it is of %s", a.family)
	}
	if a.mark != 0 {
		return ipvs.MarkKey(a.mark, a.family), nil
	}
	address, err := a.address.address(a.family)
	return ipvs.ServiceKey{Address: address, Port: a.port, Protocol: ipvs.Protocol(a.protocol)}, err
}

// prefix is the netmask as a Service has it.
func (a *serviceAttributes) prefix() uint8 {
	if a.family == ipvs.IPv6 {
		switch length := a.netmask.uint32(); {
		case length == hostPrefix:
			return 0
		case length == 0 || length > hostPrefix:
			return ipvs.NoPrefix
		default:
			return uint8(length)
		}
	}
	mask := a.netmask.big32()
	ones := bits.LeadingZeros32(^mask)
	switch {
	case mask == allBits:
		return 0
	case ones == 0 || mask != allBits<<(32-ones):
		return ipvs.NoPrefix
	default:
		return uint8(ones)
	}
}
