// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// parseService converts the service itself, and the method that all its real servers have.
func parseService(compiled v1alpha1.CompiledService, pools []netip.Prefix) (ipvs.Service, ipvs.Method, error) {
	address, addressErr := parseAddress(compiled.Address)
	port, portErr := parsePort(compiled.Port)
	protocol, protocolErr := ipvs.ParseProtocol(string(compiled.Protocol))
	method, methodErr := parseMethod(compiled.ForwardingMethod)
	if err := cmp.Or(addressErr, portErr, protocolErr, methodErr); err != nil {
		return ipvs.Service{}, 0, err
	}
	if !slices.ContainsFunc(pools, func(pool netip.Prefix) bool { return pool.Contains(address) }) {
		return ipvs.Service{}, 0, fmt.Errorf("address %s lies in none of the director group's address pools", address)
	}
	if n := len(compiled.Scheduler); n == 0 || n > 15 {
		return ipvs.Service{}, 0, fmt.Errorf("scheduler %q: want a kernel name of 1 to 15 bytes", compiled.Scheduler)
	}
	if compiled.PersistenceSeconds < 0 {
		return ipvs.Service{}, 0, fmt.Errorf("persistence time-out of %d seconds: want 0 or more", compiled.PersistenceSeconds)
	}
	return ipvs.Service{
		Key:                ipvs.ServiceKey{Address: address, Port: port, Protocol: protocol},
		Scheduler:          string(compiled.Scheduler),
		PersistenceTimeout: uint32(compiled.PersistenceSeconds),
	}, method, nil
}

func parsePort(port int32) (uint16, error) {
	if port < 1 || port > math.MaxUint16 {
		return 0, fmt.Errorf("port %d: want 1 to 65535", port)
	}
	return uint16(port), nil
}

func parseMethod(method v1alpha1.ForwardingMethod) (ipvs.Method, error) {
	switch method {
	case v1alpha1.DirectRouting:
		return ipvs.DirectRoute, nil
	case v1alpha1.Tunnel:
		return ipvs.Tunnelling, nil
	case v1alpha1.NAT:
		return ipvs.Masquerade, nil
	default:
		return 0, fmt.Errorf("forwarding method %q: want DirectRouting, Tunnel or NAT", method)
	}
}

func parseAddresses(list []v1alpha1.IPAddress) ([]netip.Addr, error) {
	addresses := make([]netip.Addr, 0, len(list))
	for _, text := range list {
		address, err := parseAddress(text)
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return addresses, nil
}

// parseAddress reads an IPv4 address.
func parseAddress(text v1alpha1.IPAddress) (netip.Addr, error) {
	address, err := netip.ParseAddr(string(text))
	if err != nil || !address.Is4() {
		return netip.Addr{}, fmt.Errorf("address %q: want an IPv4 address, for example 192.0.2.10", text)
	}
	return address, nil
}
