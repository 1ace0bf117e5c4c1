// SPDX-License-Identifier: Apache-2.0

// Package kerneltest is a kernel in memory, with the methods and the answers of kernel.Kernel, for tests of what decides
// and what loops; it never touches the machine.
package kerneltest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// ErrNoService is the answer to a change of a destination whose service does not exist; the kernel says ESRCH.
var ErrNoService = errors.New("no such service")

// ErrNoInterface is the answer to an address on an interface that does not exist; the kernel says ENODEV.
var ErrNoInterface = errors.New("no such interface")

// Kernel is a kernel in memory. Use New. Its methods may be called from several goroutines.
type Kernel struct {
	mu         sync.Mutex
	services   map[ipvs.ServiceKey]*service
	addresses  map[place]bool
	sysctls    map[string]string
	interfaces map[string]bool
	applied    []plan.Operation
	refuse     func(plan.Operation) error
	readError  error
}

// service is one IPVS service and its destinations.
type service struct {
	ipvs.Service
	destinations map[netip.AddrPort]ipvs.Destination
}

// place is an address on an interface; its value in the map says whether it is ours.
type place struct {
	link   string
	prefix netip.Prefix
}

// New is a kernel with these interfaces and lo, all without addresses, with an empty IPVS table, and with every setting
// that a plan can write at 0.
func New(interfaces ...string) *Kernel {
	k := &Kernel{
		services:   map[ipvs.ServiceKey]*service{},
		addresses:  map[place]bool{},
		sysctls:    map[string]string{},
		interfaces: map[string]bool{"lo": true},
	}
	for _, name := range interfaces {
		k.interfaces[name] = true
	}
	for _, name := range plan.Sysctls() {
		k.sysctls[name] = "0"
	}
	return k
}

// Preset makes the kernel hold what somebody else, or an agent before this one, left in it, on top of what it holds.
func (k *Kernel) Preset(actual plan.Actual) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, entry := range actual.IPVS {
		added := &service{entry.Service, map[netip.AddrPort]ipvs.Destination{}}
		for _, destination := range entry.Destinations {
			added.destinations[destination.Key()] = destination
		}
		k.services[entry.Service.Key] = added
	}
	for _, address := range actual.Addresses {
		k.addresses[place{address.Interface, address.Prefix}] = address.Ours
	}
	maps.Copy(k.sysctls, actual.Sysctls)
}

// Refuse makes each later operation for which the function returns an error fail with it, and change nothing. Nil refuses
// nothing.
func (k *Kernel) Refuse(refuse func(plan.Operation) error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refuse = refuse
}

// FailReads makes each later Read fail with the error in place of an IPVS table; the rest of the answer is good. Nil lets them
// succeed.
func (k *Kernel) FailReads(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.readError = err
}

// TakeApplied returns the operations carried out since the last call, the refused ones left out.
func (k *Kernel) TakeApplied() []plan.Operation {
	k.mu.Lock()
	defer k.mu.Unlock()
	applied := k.applied
	k.applied = nil
	return applied
}

// Table is the whole IPVS table, sorted, the services of others included.
func (k *Kernel) Table() ipvs.Table {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.table(func(ipvs.ServiceKey) bool { return true })
}

func (k *Kernel) table(want func(ipvs.ServiceKey) bool) ipvs.Table {
	var table ipvs.Table
	for key, service := range k.services {
		if want(key) {
			destinations := slices.Collect(maps.Values(service.destinations))
			table = append(table, ipvs.Entry{Service: service.Service, Destinations: destinations})
		}
	}
	table.Sort()
	return table
}

// Read returns what kernel.Kernel's Read returns.
func (k *Kernel) Read(_ context.Context, query kernel.Query) (plan.Actual, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	actual := plan.Actual{Sysctls: map[string]string{}}
	if k.readError == nil {
		actual.IPVS = k.table(func(key ipvs.ServiceKey) bool { return plan.Owns(query.Owned, key.Address) })
	}
	for at, ours := range k.addresses {
		actual.Addresses = append(actual.Addresses, plan.Address{Interface: at.link, Prefix: at.prefix, Ours: ours})
	}
	slices.SortFunc(actual.Addresses, func(a, b plan.Address) int {
		return cmp.Or(
			cmp.Compare(a.Interface, b.Interface),
			a.Prefix.Addr().Compare(b.Prefix.Addr()),
			cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()),
		)
	})
	for _, name := range query.Sysctls {
		if value, exists := k.sysctls[name]; exists {
			actual.Sysctls[name] = value
		}
	}
	return actual, k.readError
}

// Apply carries the operations out in order, like kernel.Kernel's Apply: one that fails does not stop the others, adding
// what exists updates it, and deleting what does not exist succeeds.
func (k *Kernel) Apply(ctx context.Context, operations []plan.Operation) []kernel.Failure {
	k.mu.Lock()
	defer k.mu.Unlock()
	var failures []kernel.Failure
	for _, operation := range operations {
		err := context.Cause(ctx)
		if err == nil {
			err = k.apply(operation)
		}
		if err != nil {
			failures = append(failures, kernel.Failure{Operation: operation, Err: fmt.Errorf("%s: %w", operation, err)})
			continue
		}
		k.applied = append(k.applied, operation)
	}
	return failures
}

func (k *Kernel) apply(operation plan.Operation) error {
	if k.refuse != nil {
		if err := k.refuse(operation); err != nil {
			return err
		}
	}
	switch o := operation.(type) {
	case plan.AddService:
		k.setService(o.Service)
	case plan.UpdateService:
		k.setService(o.Service)
	case plan.DeleteService:
		delete(k.services, o.Service)
	case plan.AddDestination:
		return k.setDestination(o.Service, o.Destination)
	case plan.UpdateDestination:
		return k.setDestination(o.Service, o.Destination)
	case plan.DeleteDestination:
		if service, exists := k.services[o.Service]; exists {
			delete(service.destinations, o.Destination)
		}
	case plan.AddAddress:
		return k.addAddress(place{o.Interface, o.Prefix})
	case plan.DeleteAddress:
		delete(k.addresses, place{o.Interface, o.Prefix})
	case plan.SetSysctl:
		k.sysctls[o.Name] = o.Value
	default:
		return fmt.Errorf("unknown operation %T", operation)
	}
	return nil
}

func (k *Kernel) setService(wanted ipvs.Service) {
	if existing, exists := k.services[wanted.Key]; exists {
		existing.Service = wanted
		return
	}
	k.services[wanted.Key] = &service{wanted, map[netip.AddrPort]ipvs.Destination{}}
}

func (k *Kernel) setDestination(key ipvs.ServiceKey, destination ipvs.Destination) error {
	service, exists := k.services[key]
	if !exists {
		return ErrNoService
	}
	service.destinations[destination.Key()] = destination
	return nil
}

func (k *Kernel) addAddress(at place) error {
	if !k.interfaces[at.link] {
		return ErrNoInterface
	}
	if _, exists := k.addresses[at]; !exists {
		k.addresses[at] = true
	}
	return nil
}
