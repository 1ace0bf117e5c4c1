// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// attempts is how often an operation is sent at most: as it is, with its service added meanwhile, and as the opposite
// command.
const attempts = 3

// change is one operation on IPVS on its way to the kernel.
type change struct {
	plan.Operation
	// index in the operations of one apply.
	index int
	// opposite says that an addition is sent as an update, or an update as an addition.
	opposite bool
}

// refusal is a change that the kernel refused, and its answer.
type refusal struct {
	change
	err error
}

// ofIPVS says whether an operation is one on IPVS that can share a message with others.
func ofIPVS(operation plan.Operation) bool {
	switch operation.(type) {
	case *plan.AddService, *plan.UpdateService, *plan.DeleteService,
		*plan.AddDestination, *plan.UpdateDestination, *plan.DeleteDestination, *plan.SetTimeouts:
		return true
	default:
		return false
	}
}

// apply carries out operations on IPVS in few sends, and then those again that turn out to need the opposite command. It
// returns those that are refused for good, in order.
func (t *table) apply(ctx context.Context, operations []plan.Operation) []Failure {
	t.mu.Lock()
	defer t.mu.Unlock()
	refused := t.write(ctx, len(operations), func(i int) change { return change{Operation: operations[i], index: i} })
	var final []refusal
	for attempt := 2; len(refused) > 0; attempt++ {
		changes, gone := again(refused)
		final = append(final, gone...)
		refused = t.write(ctx, len(changes), func(i int) change { return changes[i] })
		if attempt == attempts {
			final = append(final, refused...)
			break
		}
	}
	slices.SortFunc(final, func(a, b refusal) int { return cmp.Compare(a.index, b.index) })
	failures := make([]Failure, 0, len(final))
	for _, r := range final {
		failures = append(failures, Failure{Operation: r.Operation, Err: explain(r.Operation, r.err)})
	}
	return failures
}

// write sends n changes, and returns those that were refused although they had something to do.
func (t *table) write(ctx context.Context, n int, at func(i int) change) []refusal {
	var refused []refusal
	failures := t.client.Write(ctx, n, func(r wire.Request, b []byte, i int) []byte { return at(i).append(r, b) })
	for _, failure := range failures {
		if c := at(failure.Index); !c.deletedAlready(failure.Err) {
			refused = append(refused, refusal{c, failure.Err})
		}
	}
	return refused
}

// again sorts the refused changes into those that are worth another attempt and those that are not.
func again(refused []refusal) (changes []change, final []refusal) {
	added := false
	for _, r := range refused {
		switch {
		case r.needsOpposite(r.err):
			r.opposite = !r.opposite
			_, service := r.Operation.(*plan.UpdateService)
			added = added || service
			changes = append(changes, r.change)
		case added && ofDestination(r.Operation) && errors.Is(r.err, unix.ESRCH):
			// Its service may be the one that is added now, in front of it.
			changes = append(changes, r.change)
		default:
			final = append(final, r)
		}
	}
	return changes, final
}

// adds says whether the change is sent as an addition.
func (c change) adds() bool {
	switch c.Operation.(type) {
	case *plan.AddService, *plan.AddDestination:
		return !c.opposite
	case *plan.UpdateService, *plan.UpdateDestination:
		return c.opposite
	default:
		return false
	}
}

// needsOpposite says whether the kernel's answer is that what is added exists, or that what is updated does not.
func (c change) needsOpposite(answer error) bool {
	switch c.Operation.(type) {
	case *plan.AddService, *plan.UpdateService:
		return c.adds() && errors.Is(answer, unix.EEXIST) || !c.adds() && errors.Is(answer, unix.ESRCH)
	case *plan.AddDestination, *plan.UpdateDestination:
		return c.adds() && errors.Is(answer, unix.EEXIST) || !c.adds() && errors.Is(answer, unix.ENOENT)
	default:
		return false
	}
}

// deletedAlready says whether the kernel's answer is that what is deleted does not exist.
func (c change) deletedAlready(answer error) bool {
	switch c.Operation.(type) {
	case *plan.DeleteService:
		return errors.Is(answer, unix.ESRCH)
	case *plan.DeleteDestination:
		return errors.Is(answer, unix.ESRCH) || errors.Is(answer, unix.ENOENT)
	default:
		return false
	}
}

func ofDestination(operation plan.Operation) bool {
	switch operation.(type) {
	case *plan.AddDestination, *plan.UpdateDestination:
		return true
	default:
		return false
	}
}

// append appends the change's message.
func (c change) append(r wire.Request, b []byte) []byte {
	switch o := c.Operation.(type) {
	case *plan.AddService:
		return appendService(r, b, c.adds(), o.Service)
	case *plan.UpdateService:
		return appendService(r, b, c.adds(), o.Service)
	case *plan.DeleteService:
		return r.DelService(b, o.Service)
	case *plan.AddDestination:
		return appendDestination(r, b, c.adds(), o.Service, o.Destination)
	case *plan.UpdateDestination:
		return appendDestination(r, b, c.adds(), o.Service, o.Destination)
	case *plan.DeleteDestination:
		return r.DelDest(b, o.Service, o.Destination)
	case *plan.SetTimeouts:
		return r.SetConfig(b, o.Timeouts)
	default:
		return b
	}
}

func appendService(r wire.Request, b []byte, add bool, service ipvs.Service) []byte {
	if add {
		return r.NewService(b, service)
	}
	return r.SetService(b, service)
}

func appendDestination(r wire.Request, b []byte, add bool, key ipvs.ServiceKey, destination ipvs.Destination) []byte {
	if add {
		return r.NewDest(b, key, destination)
	}
	return r.SetDest(b, key, destination)
}

// preflight is nil if the kernel has IPVS.
func (t *table) preflight() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.client.Ready()
}

func (t *table) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.client.Close()
}
