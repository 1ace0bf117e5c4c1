// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// DecodeDestination reads the body of an answer to GetDests. The family is that of the service: kernels before Linux 3.18
// tell no other.
func DecodeDestination(body []byte, family ipvs.Family) (ipvs.Destination, ipvs.Connections, error) {
	attributes, err := inside(body, attrDest, "destination")
	if err != nil {
		return ipvs.Destination{}, ipvs.Connections{}, err
	}
	a := destinationAttributes{family: family}
	if err := walk(attributes, a.take); err != nil {
		return ipvs.Destination{}, ipvs.Connections{}, err
	}
	if a.Address, err = a.address.address(a.family); err != nil {
		return ipvs.Destination{}, ipvs.Connections{}, fmt.Errorf("destination in the answer: %w", err)
	}
	if a.Method != ipvs.Tunnelling {
		a.Tunnel = ipvs.Tunnel{}
	}
	return a.Destination, a.Connections, nil
}

// destinationAttributes are what a destination is made of. Its family comes after its address.
type destinationAttributes struct {
	ipvs.Destination
	ipvs.Connections
	family  ipvs.Family
	address value
}

func (a *destinationAttributes) take(kind uint16, v value) {
	switch kind {
	case destAddress:
		a.address = v
	case destFamily:
		a.family = ipvs.Family(v.uint16())
	case destPort:
		a.Port = v.big16()
	case destMethod:
		a.Method = ipvs.Method(v.uint32() & forwardingMask)
	case destWeight:
		a.Weight = v.uint32()
	case destUpperThreshold:
		a.UpperThreshold = v.uint32()
	case destLowerThreshold:
		a.LowerThreshold = v.uint32()
	case destActive:
		a.Active = v.uint32()
	case destInactive:
		a.Inactive = v.uint32()
	case destPersistent:
		a.Persistent = v.uint32()
	case destTunnelType:
		a.Tunnel.Type = ipvs.TunnelType(v.uint8())
	case destTunnelPort:
		a.Tunnel.Port = v.big16()
	case destTunnelFlags:
		a.Tunnel.Flags = ipvs.TunnelFlags(v.uint16())
	}
}
