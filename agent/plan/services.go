// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// diffServices compares services by key, both sides sorted. Everything of a service and of a destination that is not its
// key is changed in place, so nothing is ever deleted in order to be added again.
func diffServices(in In) []Operation {
	desired, actual := owned(in.Services, in.Owned), owned(in.Actual.IPVS, in.Owned)
	var additions, deletions []Operation
	for len(desired) > 0 || len(actual) > 0 {
		switch order(desired, actual, func(a, b ipvs.Entry) int { return a.Service.Key.Compare(b.Service.Key) }) {
		case onlyDesired:
			additions = append(additions, AddService{desired[0].Service})
			additions = append(additions, diffDestinations(desired[0], ipvs.Entry{})...)
			desired = desired[1:]
		case onlyActual:
			deletions = append(deletions, DeleteService{actual[0].Service.Key})
			actual = actual[1:]
		case both:
			if desired[0].Service != actual[0].Service {
				additions = append(additions, UpdateService{desired[0].Service})
			}
			additions = append(additions, diffDestinations(desired[0], actual[0])...)
			desired, actual = desired[1:], actual[1:]
		}
	}
	return slices.Concat(additions, deletions)
}

// diffDestinations compares the destinations of one service by key, both sides sorted.
func diffDestinations(service, found ipvs.Entry) []Operation {
	desired, actual := service.Destinations, found.Destinations
	key := service.Service.Key
	var additions, deletions []Operation
	for len(desired) > 0 || len(actual) > 0 {
		switch order(desired, actual, ipvs.Destination.Compare) {
		case onlyDesired:
			additions = append(additions, AddDestination{key, desired[0]})
			desired = desired[1:]
		case onlyActual:
			deletions = append(deletions, DeleteDestination{key, actual[0].Key()})
			actual = actual[1:]
		case both:
			if desired[0] != actual[0] {
				additions = append(additions, UpdateDestination{key, desired[0]})
			}
			desired, actual = desired[1:], actual[1:]
		}
	}
	return slices.Concat(additions, deletions)
}

// side says in which of two sorted lists the smaller first element is.
type side int

const (
	onlyDesired side = -1
	both        side = 0
	onlyActual  side = 1
)

// order compares the first elements of two sorted lists of which at least one is not empty.
func order[T any](desired, actual []T, compare func(a, b T) int) side {
	switch {
	case len(actual) == 0:
		return onlyDesired
	case len(desired) == 0:
		return onlyActual
	default:
		return side(min(max(compare(desired[0], actual[0]), -1), 1))
	}
}

// owned is a sorted copy of the table without the services of others.
func owned(table ipvs.Table, networks []netip.Prefix) ipvs.Table {
	var ours ipvs.Table
	for _, entry := range table {
		if Owns(networks, entry.Service.Key.Address) {
			ours = append(ours, ipvs.Entry{Service: entry.Service, Destinations: slices.Clone(entry.Destinations)})
		}
	}
	ours.Sort()
	return ours
}

// Owns says whether a service with this address is ours: whether it lies in one of the networks.
func Owns(networks []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(address) })
}
