// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// In is everything that a State is built from.
type In struct {
	// Node is this node's NodeState; nil: the node has no part.
	Node *v1alpha1.NodeState
	// ServiceSlices are of this node's groups; those of others are ignored.
	ServiceSlices []v1alpha1.ServiceSlice
	// RealServerSlices are of this node's groups; those of others are ignored.
	RealServerSlices []v1alpha1.RealServerSlice
	// Passwords are those that the virtual routers name.
	Passwords Passwords
	// Previous is the State that is in force, passwords included; nil: none. A virtual router or service that cannot be
	// built, or not yet, keeps its form in it.
	Previous *State
}

// Build makes the State. A value that cannot be used is a problem and stops nothing else:
//
//   - a virtual router whose password is missing or too long, or that is otherwise invalid, keeps its form in the previous
//     State, previous password included, and is left out if it has none;
//   - a service that waits for RealServerSlices, or that is invalid, keeps its form in the previous State, and is left out if
//     it has none;
//   - an invalid real server is left out of its service;
//   - of two services with one address, port and protocol, and of two virtual routers with one id on one interface, the first
//     by group and name stays, and one in its new form goes before one in its previous form.
//
// The order of the slices does not matter. The problems are sorted.
func Build(in In) (State, []v1alpha1.Problem) {
	if in.Node == nil {
		return State{}, nil
	}
	b := builder{in: in, sets: collectSets(in.RealServerSlices)}
	var state State
	parts := slices.Clone(in.Node.Spec.DirectorGroups)
	slices.SortFunc(parts, func(a, c v1alpha1.NodeDirectorGroup) int { return cmp.Compare(a.Name, c.Name) })
	for _, part := range parts {
		state.Groups = append(state.Groups, b.group(part))
	}
	b.placeServices(state.Groups)
	b.placeRouters(state.Groups)
	if in.Node.Spec.RealServer != nil {
		state.RealServerAddresses = b.realServerAddresses(in.Node.Spec.RealServer.Addresses)
	}
	slices.SortFunc(b.problems, compareProblems)
	return state, b.problems
}

// builder collects what Build finds on its way.
type builder struct {
	in   In
	sets map[setKey]set
	// candidates and routers are the services and virtual routers of all groups, before those that share a key are sorted
	// out.
	candidates []candidate
	routers    []routerCandidate
	problems   []v1alpha1.Problem
}

func (b *builder) problem(reason, group, service, message string) {
	b.problems = append(b.problems, v1alpha1.Problem{Reason: reason, DirectorGroup: group, Service: service, Message: message})
}

func compareProblems(a, b v1alpha1.Problem) int {
	return cmp.Or(
		cmp.Compare(a.DirectorGroup, b.DirectorGroup),
		cmp.Compare(a.Service, b.Service),
		cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(a.Message, b.Message),
	)
}

// group builds all of a group but its services and virtual routers, which become candidates.
func (b *builder) group(part v1alpha1.NodeDirectorGroup) Group {
	group := Group{Name: part.Name, Applied: map[string]int64{}}
	group.Pools = b.pools(part)
	b.groupRouters(part)
	b.services(&group)
	return group
}

func (b *builder) pools(part v1alpha1.NodeDirectorGroup) []netip.Prefix {
	var pools []netip.Prefix
	for _, cidr := range part.AddressPools {
		prefix, err := netip.ParsePrefix(string(cidr))
		if err != nil || !prefix.Addr().Is4() {
			b.problem(v1alpha1.ProblemInvalid, part.Name, "",
				"address pool "+string(cidr)+": not an IPv4 network; correct it in the DirectorGroup")
			continue
		}
		pools = append(pools, prefix.Masked())
	}
	return sortedPrefixes(pools)
}

func sortedPrefixes(prefixes []netip.Prefix) []netip.Prefix {
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	return slices.Compact(prefixes)
}

func (b *builder) realServerAddresses(list []v1alpha1.IPAddress) []netip.Addr {
	var addresses []netip.Addr
	for _, text := range list {
		address, err := parseAddress(text)
		if err != nil {
			b.problem(v1alpha1.ProblemInvalid, "", "", "virtual IP of this real server: "+err.Error())
			continue
		}
		addresses = append(addresses, address)
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}
