// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// handOver is a planned stop: every Active router resigns, and its virtual IPs go yieldGrace after another director has them, whatever
// the other routers wait for. That is reported at once: the other one reports that it is Active, and two for long would be a split
// brain. IPVS, the connections, and a real server's addresses stay.
func (a *Agent) handOver() error {
	endWords := a.sync.lastWords()
	defer endWords()
	resigning, cancel := context.WithTimeout(context.Background(), handOverBound)
	defer cancel()
	var errs []error
	a.routers.look(time.Now()) // a role that no pass has seen yet is handed over as any other
	ended := a.routers.stopAll(resigning)
	for open, grace := true, time.Duration(0); open || grace > 0; {
		var graceOver <-chan time.Time
		if grace > 0 {
			graceOver = time.After(grace)
		}
		select {
		case <-graceOver:
		case one, more := <-ended:
			if open = more && a.routers.settle(one, ended); !open {
				ended = nil
			}
			if more {
				a.report()
			}
		}
		now := time.Now()
		errs = append(errs, a.letGo(now))
		grace = a.routers.grace(now)
	}
	a.reportDue = true
	a.report()
	a.log.Info("stopped; IPVS and its connections stay as they are")
	return errors.Join(errs...)
}

// letGo takes the virtual IPs away that nothing keeps here any more. It has no bound in time: that of the resignation may be used up,
// and what is left is a read and a write.
func (a *Agent) letGo(now time.Time) error {
	if !a.known {
		return nil
	}
	ctx := context.Background()
	in := a.nodeIn()
	actual, err := a.kernel.Read(ctx, a.query(in))
	if err != nil {
		return fmt.Errorf("hand the virtual IPs over: %w", err)
	}
	a.complete(&in, actual, now)
	a.actual = actual
	var errs []error
	for _, failure := range a.kernel.Apply(ctx, addressesOnly(plan.Plan(in).All())) {
		errs = append(errs, failure.Err)
	}
	return errors.Join(errs...)
}

// addressesOnly are the operations that take virtual IPs away, and links with virtual MAC addresses down.
func addressesOnly(operations []plan.Operation) []plan.Operation {
	var deletions []plan.Operation
	for _, operation := range operations {
		switch o := operation.(type) {
		case *plan.DeleteAddress:
			deletions = append(deletions, o)
		case *plan.SetLink:
			if !o.Up {
				deletions = append(deletions, o)
			}
		}
	}
	return deletions
}

// ended is the end of a router that was told to stop. nil: another director has taken over, or there was nothing to hand over.
type ended struct {
	router *router
	err    error
}

// stopAll resigns everywhere, all routers at once. It tells of each as it ends, and closes the channel after the last.
func (rs *routers) stopAll(ctx context.Context) <-chan ended {
	all := make(chan ended, len(rs.byKey))
	var wait sync.WaitGroup
	for _, r := range rs.byKey {
		if r.running == nil {
			continue
		}
		running := r.running
		r.stopping = true
		wait.Go(func() {
			err := running.Stop(ctx)
			rs.taking.stopped(r)
			all <- ended{r, err}
		})
	}
	go func() {
		wait.Wait()
		close(all)
	}()
	return all
}

// settle notes the end of a router, and of those that have ended since; open says that others have not. The virtual IPs that nobody took
// over stay: nobody else serves.
func (rs *routers) settle(one ended, others <-chan ended) (open bool) {
	now := time.Now()
	for open = true; open; {
		r := one.router
		r.running, r.stopping, r.released = nil, false, one.err == nil
		if r.released && r.state == vrrp.Active {
			r.linger(now)
		}
		rs.observe(r, now)
		if one.err != nil {
			rs.log.Warn("no other director took the virtual IPs over; they stay on this node", "group", r.key.group, "virtualRouterID", r.key.id, "error", one.err)
		}
		select {
		case one, open = <-others:
		default:
			return true
		}
	}
	return false
}

// grace is how long it is until the first of the routers that were stopped has to let its virtual IPs go; 0: none has any.
func (rs *routers) grace(now time.Time) time.Duration {
	var first time.Duration
	for _, r := range rs.byKey {
		if left := r.lingersFor(now); r.released && left > 0 && (first == 0 || left < first) {
			first = left
		}
	}
	return first
}
