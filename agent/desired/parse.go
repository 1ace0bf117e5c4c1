// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// buildService converts a compiled service and its real servers. A real server that cannot be used is left out, and named in
// refused.
func buildService(group Group, compiled *v1alpha1.CompiledService, from []*v1alpha1.RealServerSlice) (built *Service, refused []string, err error) {
	service, err := parseService(compiled)
	if err != nil {
		return nil, nil, err
	}
	if !group.Owned.Owns(service.Key) {
		return nil, nil, fmt.Errorf("%s lies in none of the director group's address pools and mark ranges", service.Key)
	}
	built = &Service{
		ID: compiled.ID, Group: group.Name, Service: service, Drain: time.Duration(compiled.DrainSeconds) * time.Second,
		FTP: compiled.ApplicationHelper == v1alpha1.HelperFTP,
	}
	if built.Marks, err = parseMatches(service.Key, compiled.Match, group.Owned); err != nil {
		return nil, nil, err
	}
	// Slices of one set carry one check; while the controller writes a new one they may differ: then the first by name decides.
	if len(from) > 0 {
		if built.Check, err = parseCheck(from[0].Spec.HealthCheck); err != nil {
			return nil, nil, fmt.Errorf("RealServerSlice %s: %w", from[0].Name, err)
		}
	}
	method, err := parseMethod(compiled.ForwardingMethod)
	if err != nil {
		return nil, nil, err
	}
	how := forwarding{method, compiled.Tunnel}
	if built.Policy, err = parsePolicy(service.Key, how, compiled); err != nil {
		return nil, nil, err
	}
	built.Destinations, refused = destinations(service.Key, how, from)
	return built, refused, nil
}

func parseService(compiled *v1alpha1.CompiledService) (ipvs.Service, error) {
	key, err := parseKey(compiled)
	if err != nil {
		return ipvs.Service{}, err
	}
	if n := len(compiled.Scheduler); n == 0 || n > 15 {
		return ipvs.Service{}, fmt.Errorf("scheduler %q: want a kernel name of 1 to 15 bytes", compiled.Scheduler)
	}
	service := ipvs.Service{Key: key, Scheduler: string(compiled.Scheduler)}
	if compiled.PersistenceSeconds < 0 {
		return ipvs.Service{}, fmt.Errorf("persistence time-out of %d seconds: want 0 or more", compiled.PersistenceSeconds)
	}
	if compiled.PersistenceSeconds > 0 {
		bits := key.Address.BitLen()
		if compiled.PersistencePrefixLength < 0 || int(compiled.PersistencePrefixLength) > bits {
			return ipvs.Service{}, fmt.Errorf("persistence prefix length %d: want 1 to %d", compiled.PersistencePrefixLength, bits)
		}
		service.PersistenceTimeout = uint32(compiled.PersistenceSeconds)
		service.PersistenceEngine = string(compiled.PersistenceEngine)
		if int(compiled.PersistencePrefixLength) < bits {
			service.PersistencePrefix = uint8(compiled.PersistencePrefixLength)
		}
	}
	if compiled.OnePacketScheduling {
		service.Flags |= ipvs.OnePacket
	}
	for _, flag := range compiled.SchedulerFlags {
		switch flag {
		case v1alpha1.FlagSHPort, v1alpha1.FlagMHPort:
			service.Flags |= ipvs.HashPort
		case v1alpha1.FlagSHFallback, v1alpha1.FlagMHFallback:
			service.Flags |= ipvs.Fallback
		default:
			return ipvs.Service{}, fmt.Errorf("scheduler flag %q: want sh-port, sh-fallback, mh-port or mh-fallback", flag)
		}
	}
	return service, nil
}

// parseKey is by firewall mark, or by address, port and protocol.
func parseKey(compiled *v1alpha1.CompiledService) (ipvs.ServiceKey, error) {
	if compiled.Mark != 0 {
		if compiled.Mark < 1 || compiled.Mark > math.MaxUint32 {
			return ipvs.ServiceKey{}, fmt.Errorf("firewall mark %d: want 1 to 4294967295", compiled.Mark)
		}
		family := ipvs.IPv4
		if compiled.Family == v1alpha1.FamilyIPv6 {
			family = ipvs.IPv6
		}
		return ipvs.MarkKey(uint32(compiled.Mark), family), nil
	}
	address, addressErr := parseAddress(compiled.Address)
	port, portErr := parsePort(compiled.Port, 0)
	protocol, protocolErr := ipvs.ParseProtocol(string(compiled.Protocol))
	if err := cmp.Or(addressErr, portErr, protocolErr); err != nil {
		return ipvs.ServiceKey{}, err
	}
	return ipvs.ServiceKey{Address: address, Port: port, Protocol: protocol}, nil
}

// parseMatches makes the rules that give packets the service's mark. Single addresses of the group's address pools are virtual
// IPs, and get rules of their own.
func parseMatches(key ipvs.ServiceKey, matches []v1alpha1.CompiledMatch, owned ipvs.Ownership) ([]mark.Rule, error) {
	if key.Mark == 0 {
		return nil, nil
	}
	var rules []mark.Rule
	for _, match := range matches {
		rule := mark.Rule{Mark: key.Mark, Family: key.Family(), Interface: match.Interface}
		var err error
		if rule.Destinations, err = parseNetworks(match.Addresses, key.Family()); err != nil {
			return nil, err
		}
		if rule.Sources, err = parseNetworks(match.SourceAddresses, key.Family()); err != nil {
			return nil, err
		}
		if match.Protocol != "" {
			if rule.Protocol, err = ipvs.ParseProtocol(string(match.Protocol)); err != nil {
				return nil, err
			}
		}
		for _, ports := range match.Ports {
			first, firstErr := parsePort(ports.First, 1)
			last, lastErr := parsePort(ports.Last, ports.First)
			if err := cmp.Or(firstErr, lastErr); err != nil {
				return nil, err
			}
			rule.Ports = append(rule.Ports, mark.PortRange{First: first, Last: last})
		}
		rules = append(rules, apart(rule, owned)...)
	}
	rules = mark.Canonical(rules)
	for _, rule := range rules {
		if err := rule.Validate(); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// apart is the rule for virtual IPs and the rule for all other destinations.
func apart(rule mark.Rule, owned ipvs.Ownership) []mark.Rule {
	virtual, other := rule, rule
	virtual.VirtualIPs, virtual.Destinations, other.Destinations = true, nil, nil
	for _, destination := range rule.Destinations {
		if destination.IsSingleIP() && owned.Owns(ipvs.ServiceKey{Address: destination.Addr()}) {
			virtual.Destinations = append(virtual.Destinations, destination)
		} else {
			other.Destinations = append(other.Destinations, destination)
		}
	}
	return slices.DeleteFunc([]mark.Rule{virtual, other}, func(r mark.Rule) bool { return len(r.Destinations) == 0 })
}

func parseNetworks(list []v1alpha1.CIDR, family ipvs.Family) ([]netip.Prefix, error) {
	networks := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		network, err := netip.ParsePrefix(string(text))
		if err != nil || ipvs.FamilyOf(network.Addr()) != family {
			return nil, fmt.Errorf("network %q: want one of %s in CIDR notation", text, family)
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func parsePort(port, least int32) (uint16, error) {
	if port < least || port > math.MaxUint16 {
		return 0, fmt.Errorf("port %d: want %d to 65535", port, least)
	}
	return uint16(port), nil
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

// parseAddress reads an IPv4 or IPv6 address.
func parseAddress(text v1alpha1.IPAddress) (netip.Addr, error) {
	address, err := netip.ParseAddr(string(text))
	if err != nil || address.Zone() != "" || address.Is4In6() {
		return netip.Addr{}, fmt.Errorf("address %q: want an IPv4 or IPv6 address, for example 192.0.2.10 or 2001:db8::10", text)
	}
	return address, nil
}
