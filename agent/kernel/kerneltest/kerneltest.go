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
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// ErrNoService is the answer to a change of a destination whose service does not exist; the kernel says ESRCH.
var ErrNoService = errors.New("no such service")

// ErrNoInterface is the answer to an address or a sync daemon on an interface that does not exist; the kernel says ENODEV.
var ErrNoInterface = errors.New("no such interface")

// ErrDaemonRuns is the answer to a sync daemon that is started where one runs; the kernel says EEXIST.
var ErrDaemonRuns = errors.New("a sync daemon of this state runs")

// Kernel is a kernel in memory. Use New. Its methods may be called from several goroutines.
type Kernel struct {
	mu sync.Mutex
	// reads counts the calls of Read.
	reads      int
	services   map[ipvs.ServiceKey]*service
	addresses  map[place]bool
	sysctls    map[string]string
	timeouts   ipvs.Timeouts
	daemons    map[ipvs.DaemonState]ipvs.Daemon
	marks      []mark.Rule
	closed     []netip.Addr
	routes     map[ipvs.Family]bool
	rules      map[plan.PolicyRule]bool
	modules    []string
	lacking    []string
	interfaces map[string]bool
	links      map[string]plan.ActualLink
	applied    []plan.Operation
	refuse     func(plan.Operation) error
	tableError error
	holds      holds
}

// service is one IPVS service and its destinations.
type service struct {
	ipvs.Service
	destinations map[netip.AddrPort]ipvs.Destination
	connections  map[netip.AddrPort]ipvs.Connections
}

func newService(of ipvs.Service) *service {
	return &service{of, map[netip.AddrPort]ipvs.Destination{}, map[netip.AddrPort]ipvs.Connections{}}
}

// place is an address on an interface; its value in the map says whether it is ours.
type place struct {
	link   string
	prefix netip.Prefix
}

// New is a kernel with these interfaces and lo, all without addresses, with an empty IPVS table, and with every sysctl at 0
// until it is written.
func New(interfaces ...string) *Kernel {
	k := &Kernel{
		services:   map[ipvs.ServiceKey]*service{},
		addresses:  map[place]bool{},
		sysctls:    map[string]string{},
		timeouts:   ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300},
		daemons:    map[ipvs.DaemonState]ipvs.Daemon{},
		routes:     map[ipvs.Family]bool{},
		rules:      map[plan.PolicyRule]bool{},
		interfaces: map[string]bool{"lo": true},
		links:      map[string]plan.ActualLink{},
	}
	for _, name := range interfaces {
		k.interfaces[name] = true
	}
	return k
}

// Preset makes the kernel hold what somebody else, or an agent before this one, left in it, on top of what it holds.
func (k *Kernel) Preset(table ipvs.Table, actual plan.Actual) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, entry := range table {
		added := newService(entry.Service)
		for _, destination := range entry.Destinations {
			added.destinations[destination.Key()] = destination
		}
		k.services[entry.Service.Key] = added
	}
	for _, link := range actual.Links {
		k.links[link.Name], k.interfaces[link.Name] = link, true
	}
	for _, address := range actual.Addresses {
		k.addresses[place{address.Interface, address.Prefix}] = address.Ours
	}
	maps.Copy(k.sysctls, actual.Sysctls)
	k.modules = append(k.modules, actual.Modules...)
	for _, daemon := range actual.Daemons {
		k.daemons[daemon.State] = daemon
	}
}

// SetConnections makes a destination have connections.
func (k *Kernel) SetConnections(service ipvs.ServiceKey, destination netip.AddrPort, connections ipvs.Connections) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.services[service].connections[destination] = connections
}

// Reads counts the calls of Read.
func (k *Kernel) Reads() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.reads
}

// Refuse makes each later operation for which the function returns an error fail with it, and change nothing. Nil refuses
// nothing.
func (k *Kernel) Refuse(refuse func(plan.Operation) error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refuse = refuse
}

// Every refuses each operation of one kind with err: for [Kernel.Refuse].
func Every[O plan.Operation](err error) func(plan.Operation) error {
	return func(o plan.Operation) error {
		if _, is := o.(O); is {
			return err
		}
		return nil
	}
}

// Lack makes a sysctl one that this kernel does not have.
func (k *Kernel) Lack(sysctl string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lacking = append(k.lacking, sysctl)
}

// FailTables makes each later reading of IPVS services fail with the error. Nil lets them succeed.
func (k *Kernel) FailTables(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tableError = err
}

// TakeApplied returns the operations carried out since the last call, the refused ones left out.
func (k *Kernel) TakeApplied() []plan.Operation {
	k.mu.Lock()
	defer k.mu.Unlock()
	applied := k.applied
	k.applied = nil
	return applied
}

// Saved is the whole IPVS table, sorted, the services of others included.
func (k *Kernel) Saved() ipvs.Table {
	k.mu.Lock()
	defer k.mu.Unlock()
	table := make(ipvs.Table, 0, len(k.services))
	for _, key := range k.keys() {
		table = append(table, k.reading(key).Entry)
	}
	return table
}

func (k *Kernel) keys() []ipvs.ServiceKey {
	return slices.SortedFunc(maps.Keys(k.services), ipvs.ServiceKey.Compare)
}

func (k *Kernel) reading(key ipvs.ServiceKey) ipvs.Reading {
	service := k.services[key]
	reading := ipvs.Reading{Entry: ipvs.Entry{Service: service.Service}}
	for _, at := range slices.SortedFunc(maps.Keys(service.destinations), netip.AddrPort.Compare) {
		reading.Destinations = append(reading.Destinations, service.destinations[at])
		reading.Connections = append(reading.Connections, service.connections[at])
	}
	return reading
}

// Table returns what kernel.Kernel's Table returns.
func (k *Kernel) Table(_ context.Context, owns func(ipvs.ServiceKey) bool) ([]ipvs.Reading, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var readings []ipvs.Reading
	for _, key := range k.keys() {
		if owns(key) {
			readings = append(readings, k.reading(key))
		}
	}
	return readings, k.tableError
}

// Services returns what kernel.Kernel's Services returns.
func (k *Kernel) Services(_ context.Context, keys []ipvs.ServiceKey) ([]ipvs.Reading, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var readings []ipvs.Reading
	for _, key := range keys {
		if _, exists := k.services[key]; exists {
			readings = append(readings, k.reading(key))
		}
	}
	return readings, k.tableError
}

// List begins to read the table bit by bit.
func (k *Kernel) List() *Listing { return &Listing{kernel: k} }

// Listing is a reading of a Kernel's table bit by bit.
type Listing struct {
	kernel *Kernel
	// after is the last key that was read; nil: none.
	after *ipvs.ServiceKey
}

// Next returns what kernel.Listing's Next returns.
func (l *Listing) Next(_ context.Context, most int, owns func(ipvs.ServiceKey) bool) (readings []ipvs.Reading, more bool, err error) {
	l.kernel.mu.Lock()
	defer l.kernel.mu.Unlock()
	for _, key := range l.kernel.keys() {
		if l.after != nil && key.Compare(*l.after) <= 0 || !owns(key) {
			continue
		}
		if len(readings) == most {
			return readings, true, l.kernel.tableError
		}
		readings = append(readings, l.kernel.reading(key))
		l.after = &key
	}
	return readings, false, l.kernel.tableError
}

// Close does nothing: nothing is held open.
func (l *Listing) Close() {}

// Read returns what kernel.Kernel's Read returns.
func (k *Kernel) Read(_ context.Context, query kernel.Query) (plan.Actual, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reads++
	actual := plan.Actual{Sysctls: map[string]string{}}
	if query.IPVS {
		actual.Timeouts = k.timeouts
	}
	if query.Daemons {
		for _, state := range slices.Sorted(maps.Keys(k.daemons)) {
			actual.Daemons = append(actual.Daemons, k.daemons[state])
		}
	}
	if query.Links {
		actual.Links = k.readLinks(query.LinkNames)
	}
	for at, ours := range k.addresses {
		actual.Addresses = append(actual.Addresses, plan.Address{Interface: at.link, Prefix: at.prefix, Ours: ours || actual.Usable(at.link)})
	}
	slices.SortFunc(actual.Addresses, func(a, b plan.Address) int {
		return cmp.Or(
			cmp.Compare(a.Interface, b.Interface),
			a.Prefix.Addr().Compare(b.Prefix.Addr()),
			cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()),
		)
	})
	for _, name := range query.Sysctls {
		if !slices.Contains(k.lacking, name) && k.hasSysctl(name) {
			actual.Sysctls[name] = cmp.Or(k.sysctls[name], "0")
		}
	}
	for _, name := range query.Modules {
		if slices.Contains(k.modules, name) {
			actual.Modules = append(actual.Modules, name)
		}
	}
	if query.Marks {
		actual.Marks = slices.Clone(k.marks)
		actual.Routes = slices.Sorted(maps.Keys(k.routes))
		actual.Rules = slices.SortedFunc(maps.Keys(k.rules), func(a, b plan.PolicyRule) int {
			return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Mark, b.Mark))
		})
	}
	if query.Closed {
		actual.Closed = slices.Clone(k.closed)
	}
	return actual, nil
}

// AddAddresses carries out additions of addresses, as one call.
func (k *Kernel) AddAddresses(adds []*plan.AddAddress) error {
	operations := make([]plan.Operation, 0, len(adds))
	for _, add := range adds {
		operations = append(operations, add)
	}
	failures := k.Apply(context.Background(), operations)
	errs := make([]error, 0, len(failures))
	for _, failure := range failures {
		errs = append(errs, failure.Err)
	}
	return errors.Join(errs...)
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
	case *plan.AddService:
		k.setService(o.Service)
	case *plan.UpdateService:
		k.setService(o.Service)
	case *plan.DeleteService:
		delete(k.services, o.Service)
	case *plan.AddDestination:
		return k.setDestination(o.Service, o.Destination)
	case *plan.UpdateDestination:
		return k.setDestination(o.Service, o.Destination)
	case *plan.DeleteDestination:
		if service, exists := k.services[o.Service]; exists {
			delete(service.destinations, o.Destination)
		}
	case *plan.AddAddress:
		return k.addAddress(place{o.Interface, o.Prefix})
	case *plan.DeleteAddress:
		delete(k.addresses, place{o.Interface, o.Prefix})
	default:
		return k.applyToNode(operation)
	}
	return nil
}

func (k *Kernel) applyToNode(operation plan.Operation) error {
	switch o := operation.(type) {
	case *plan.AddLink, *plan.SetLink, *plan.DeleteLink:
		return k.applyToLinks(operation)
	case *plan.SetSysctl:
		k.sysctls[o.Name] = o.Value
	case *plan.SetTimeouts:
		k.timeouts = ipvs.Timeouts{
			TCP: cmp.Or(o.Timeouts.TCP, k.timeouts.TCP), TCPFin: cmp.Or(o.Timeouts.TCPFin, k.timeouts.TCPFin),
			UDP: cmp.Or(o.Timeouts.UDP, k.timeouts.UDP),
		}
	case *plan.StartDaemon:
		return k.startDaemon(o.Daemon)
	case *plan.StopDaemon:
		delete(k.daemons, o.State)
	case *plan.SetMarks:
		k.marks = slices.Clone(o.Rules)
	case *plan.SetClosed:
		k.closed = slices.Clone(o.Addresses)
	case *plan.AddRoute:
		k.routes[o.Family] = true
	case *plan.DeleteRoute:
		delete(k.routes, o.Family)
	case *plan.AddRule:
		k.rules[plan.PolicyRule(*o)] = true
	case *plan.DeleteRule:
		delete(k.rules, plan.PolicyRule(*o))
	default:
		return fmt.Errorf("unknown operation %T", operation)
	}
	return nil
}

// startDaemon fills in what the kernel fills in.
func (k *Kernel) startDaemon(daemon ipvs.Daemon) error {
	if !k.interfaces[daemon.Interface] {
		return ErrNoInterface
	}
	if _, runs := k.daemons[daemon.State]; runs {
		return ErrDaemonRuns
	}
	daemon.MaxLength = cmp.Or(daemon.MaxLength, 1472)
	daemon.Group = cmp.Or(daemon.Group, netip.AddrFrom4([4]byte{224, 0, 0, 81}))
	daemon.Port, daemon.TTL = cmp.Or(daemon.Port, 8848), cmp.Or(daemon.TTL, 1)
	k.daemons[daemon.State] = daemon
	return nil
}

func (k *Kernel) setService(wanted ipvs.Service) {
	if existing, exists := k.services[wanted.Key]; exists {
		existing.Service = wanted
		return
	}
	k.services[wanted.Key] = newService(wanted)
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
