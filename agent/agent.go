// SPDX-License-Identifier: Apache-2.0

// Package agent is one node's part of the operator: a loop that brings the kernel to what the API server, the health of
// the real servers and VRRP say, and reports. It wires the packages below it together and decides nothing that package
// plan could decide.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/health/probe"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/report"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/agent/vrrp/vrrpnet"
	"github.com/lvs-operator/lvs-operator/agent/watch"
)

// Kernel is the node's kernel.
type Kernel interface {
	// Read returns what the kernel has of what the query asks for.
	Read(context.Context, kernel.Query) (plan.Actual, error)
	// Table reads every IPVS service that owns accepts; kernel.ErrNoIPVS: there is no IPVS.
	Table(ctx context.Context, owns func(ipvs.ServiceKey) bool) ([]ipvs.Reading, error)
	// Services reads the named IPVS services; absent ones are left out.
	Services(context.Context, []ipvs.ServiceKey) ([]ipvs.Reading, error)
	// List begins to read the table bit by bit.
	List() Listing
	// Apply carries operations out in their order and returns those that the kernel refused.
	Apply(context.Context, []plan.Operation) []kernel.Failure
}

// Listing is a reading of the IPVS table bit by bit.
type Listing interface {
	// Next reads about most services on; more is false at the end of the table.
	Next(ctx context.Context, most int, owns func(ipvs.ServiceKey) bool) (readings []ipvs.Reading, more bool, err error)
	// Close gives a listing up.
	Close()
}

// Views is the API server as this node sees it.
type Views interface {
	// Connected says whether the API server has answered once.
	Connected() bool
	// Changes returns what changed since it last returned true, the first time everything; false: the view is not complete.
	Changes(context.Context) (watch.Changes, bool)
}

// Reports takes the node's status to the API server.
type Reports interface {
	// Set makes a status the one to be written. It does not block.
	Set(status Status)
	// Forget makes the next status be written even if it says what the last one said.
	Forget()
}

// Checkpoints keeps what the agent needs at a start without an API server.
type Checkpoints interface {
	// Save writes what changed.
	Save(checkpoint.Change) error
}

// Agent is the loop. Its methods are called by one goroutine, except for kick and kickNode.
type Agent struct {
	log     *slog.Logger
	metrics *metrics
	resync  time.Duration
	wake    chan struct{}
	// nodeKicked says that something has changed that is not an IPVS service: an address, a virtual router.
	nodeKicked atomic.Bool

	kernel      Kernel
	views       Views
	reports     Reports
	checkpoints Checkpoints
	health      *monitor.Monitor
	routers     *routers
	sync        *connectionSync
	holds       *holder

	memory
}

// Run is an agent's life: it returns when ctx has ended and the virtual IPs are handed over, or when it cannot start.
func Run(ctx context.Context, o Options) (err error) {
	if o.Resync <= 0 {
		o.Resync = defaultResync
	}
	clients, err := watch.NewClients(o.API)
	if err != nil {
		return err
	}
	store, saved, recalled := checkpoint.Open(o.StateDir)
	if store == nil {
		return recalled
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if lost := store.Lost(); lost > 0 {
		o.Log.Info("the end of the checkpoint was written when the machine stopped: it is left out", "bytes", lost)
	}
	k, err := kernel.Open(o.ProcSys)
	if err != nil {
		return err
	}
	defer k.Close()
	a := &Agent{
		log: o.Log, metrics: newMetrics(), resync: o.Resync, wake: make(chan struct{}, 1), kernel: liveKernel{k}, checkpoints: store,
		holds: newHolder(holder{kernel: k, log: o.Log}), memory: newMemory(),
	}
	changes, err := k.Subscribe(ctx)
	if err != nil {
		return err
	}
	threads := vrrpnet.NewThreads(nil)
	taking := newTakeover(takeover{kernel: k, log: o.Log, kick: a.kickNode})
	a.routers = newRouters(startRouter(threads), a.kickNode, taking, o.Log)
	a.routers.strangers = threads.Strangers
	a.sync = newConnectionSync(a.routers, a.kickNode, openExchange(k, a.routers, o.Log), o.Log)
	taking.tell = a.sync.tell
	// Roles may change while the node's are handed over, after the end of ctx.
	roles, endRoles := context.WithCancel(context.WithoutCancel(ctx))
	defer endRoles()
	go a.routers.together.run(roles)
	go taking.run(roles)
	prober, err := probe.New()
	if err != nil {
		return err
	}
	defer prober.Close()
	a.health = monitor.New(monitor.Options{Prober: prober, OnChange: a.kick, MaxConcurrent: probe.MostConcurrent()})
	defer a.health.Close()
	a.metrics.registry.MustRegister(newHealthMetrics(a.health, o.RealServerMetrics))
	if err := a.metrics.serve(ctx, o.MetricsAddress, newRealServers(a.health), o.Log); err != nil {
		return err
	}
	a.recall(saved, recalled)
	go a.holds.run(ctx)

	watcher := watch.New(clients, o.Node, o.Namespace, a.kick)
	watcher.Start(ctx)
	a.views = watcher
	reporter := report.New(report.API{Client: clients.LVS, Node: o.Node}, o.Log)
	a.reports = reporter
	reported := make(chan struct{})
	// The hand-over is reported while it goes on, after the end of ctx.
	reporting, stopReporting := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(reported)
		reporter.Run(reporting)
	}()

	a.loop(ctx, changes)
	err = a.handOver()
	stopReporting()
	<-reported
	return errors.Join(err, lastWord(reporter))
}

// lastWord tells the API server that this director is no longer Active. An API server that is away is no error.
func lastWord(reporter *report.Reporter) error {
	ctx, cancel := context.WithTimeout(context.Background(), lastWordBound)
	defer cancel()
	if err := reporter.Flush(ctx); err != nil {
		return fmt.Errorf("the last report before the end: %w", err)
	}
	return nil
}

// liveKernel is the node's kernel as Kernel.
type liveKernel struct{ *kernel.Kernel }

// List implements Kernel.
func (k liveKernel) List() Listing { return k.Kernel.List() }

// kick makes the loop take a pass soon. It never blocks; any number of kicks before the pass are one.
func (a *Agent) kick() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// kickNode is kick for what changes more than IPVS services.
func (a *Agent) kickNode() {
	a.nodeKicked.Store(true)
	a.kick()
}

// loop takes a pass whenever something that a pass depends on may have changed, until ctx ends. changes are the kernel's.
func (a *Agent) loop(ctx context.Context, changes <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-a.wake:
		case _, open := <-changes:
			if !open {
				// The kernel stopped telling; the audit every few seconds sees what changes.
				changes = nil
			}
			if a.echoDue.IsZero() {
				a.echoDue = time.Now().Add(echoDelay)
				timer.Reset(max(0, time.Until(a.nextPass())))
			}
			continue
		}
		now := time.Now()
		a.takeEcho(now)
		a.pass(ctx, now)
		a.reportWhenDue(now)
		timer.Reset(max(0, time.Until(a.nextPass())))
	}
}

// echoDelay is how long a change that the kernel tells of waits for a pass. Most of them are the agent's own, and most of these are a virtual
// IP that has just come: the packets of its clients, which have waited for it, do not have to share the processor with a pass.
const echoDelay = 50 * time.Millisecond

// takeEcho makes the next pass read the node when changes have waited for it.
func (a *Agent) takeEcho(now time.Time) {
	if !a.echoDue.IsZero() && !now.Before(a.echoDue) {
		a.echoDue = time.Time{}
		a.nodeKicked.Store(true)
	}
}

// nextPass is when the next pass is due without anything happening: the audit, or a report that waits.
func (a *Agent) nextPass() time.Time {
	next := a.audited.Add(a.resync)
	if a.reportDue && a.reportNotBefore.Before(next) {
		next = a.reportNotBefore
	}
	if !a.echoDue.IsZero() && a.echoDue.Before(next) {
		next = a.echoDue
	}
	if due := a.expected.next(); !due.IsZero() && due.Before(next) && a.tableRead {
		next = due
	}
	if due := a.routers.offerDue(); !due.IsZero() && due.Before(next) {
		next = due
	}
	return next
}

// startRouter runs virtual routers on the node's network.
func startRouter(threads *vrrpnet.Threads) StartRouter {
	return func(interfaceName string, config vrrp.Config, resume bool, events RouterEvents) (VirtualRouter, error) {
		return threads.Start(vrrpnet.Options{
			Interface: interfaceName, Config: config, Resume: resume, OnTransition: events.Transition, OnRival: events.Rival,
		})
	}
}
