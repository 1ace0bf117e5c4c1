// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/connections"
	"github.com/lvs-operator/lvs-operator/agent/connections/connectionsnet"
	"github.com/lvs-operator/lvs-operator/agent/connections/exchange"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
)

const (
	// catchUpBound is how long a director that has come back waits, from when it first hears the Active one, for that one's
	// connections before it may take the role from it.
	catchUpBound = 10 * time.Second
	// lookForActive is how often it looks whether there is an Active one.
	lookForActive = 100 * time.Millisecond
	// tellAllBound is how long a planned stop tells the others of connections before it gives the role up.
	tellAllBound = 2 * time.Second
)

// exchanger asks other directors for connections, and tells them.
type exchanger interface {
	// Run answers questions until ctx ends.
	Run(ctx context.Context)
	// CatchUp asks the Active director, until it has told of everything.
	CatchUp(ctx context.Context, active func() netip.Addr) (int, error)
	// TellAll tells of every connection, and Tell goes on with new ones until the period is over; own: of this director's own alone.
	TellAll(ctx context.Context) (int, error)
	Tell(ctx context.Context, period time.Duration, own bool) error
}

// connectionSync adds to the kernel's sync daemons what they don't do: a director that comes back is told of every connection, and
// one that hands its role over tells of the youngest. The loop calls its methods, but for tell.
type connectionSync struct {
	log  *slog.Logger
	kick func()
	open func(master ipvs.Daemon) (exchanger, error)

	// master is the daemon in whose place connections are sent; zero: there is no connection sync.
	master ipvs.Daemon
	// running is what runs for it; nil: nothing does.
	running atomic.Pointer[runningSync]
	// behind says that the Active director's connections are not all known here.
	behind atomic.Bool
	// catching says that they are asked for, and telling that a role changes hands.
	catching, telling atomic.Bool
}

// newConnectionSync is that of a node's routers, which wait for it before they take a role from a living director.
func newConnectionSync(routers *routers, kick func(), open func(ipvs.Daemon) (exchanger, error), log *slog.Logger) *connectionSync {
	s := &connectionSync{log: log, kick: kick, open: open}
	routers.behind = s.behind.Load
	routers.returned = func() { s.catchUp(routers) }
	return s
}

type runningSync struct {
	exchanger
	ctx context.Context //nolint:containedctx // it is the exchange's life
	end context.CancelFunc
}

// follow makes the exchange that of the desired daemons, and catches up when it is a new one.
func (s *connectionSync) follow(ctx context.Context, daemons []ipvs.Daemon, roles roles) {
	var master ipvs.Daemon
	for _, d := range daemons {
		if d.State == ipvs.Master {
			master = d
		}
	}
	if master == s.master {
		return
	}
	s.master = master
	s.close()
	s.behind.Store(false)
	if master == (ipvs.Daemon{}) {
		return
	}
	opened, err := s.open(master)
	if err != nil {
		s.log.Warn("connections are synchronised by the kernel alone: a director that comes back misses idle ones", "error", err)
		return
	}
	running := &runningSync{exchanger: opened}
	running.ctx, running.end = context.WithCancel(ctx)
	s.running.Store(running)
	s.behind.Store(true)
	go opened.Run(running.ctx)
	s.catchUp(roles)
}

func (s *connectionSync) close() {
	if running := s.running.Swap(nil); running != nil {
		running.end()
	}
}

// roles tell who is Active, at any time.
type roles interface {
	// serving says that this director is Active.
	serving() bool
	// active is the Active director that this one follows, or the zero value.
	active() netip.Addr
}

// catchUp asks for the Active director's connections, until they are here or it has had its time.
func (s *connectionSync) catchUp(roles roles) {
	running := s.running.Load()
	if running == nil || !s.catching.CompareAndSwap(false, true) {
		return
	}
	s.behind.Store(true)
	go func() {
		defer s.kick()
		defer s.catching.Store(false)
		defer s.behind.Store(false)
		if !s.appears(running.ctx, roles) {
			return
		}
		ctx, cancel := context.WithTimeout(running.ctx, catchUpBound)
		defer cancel()
		count, err := running.CatchUp(ctx, roles.active)
		switch {
		case running.ctx.Err() != nil:
		case err != nil:
			s.log.Warn("the Active director did not tell of its connections in time: those that are idle may be lost when this one takes over", "waited", catchUpBound)
		default:
			s.log.Info("knows the Active director's connections", "connections", count)
		}
	}()
}

// appears waits until there is an Active director; false: this one is, or the exchange has ended.
func (s *connectionSync) appears(ctx context.Context, roles roles) bool {
	tick := time.NewTicker(lookForActive)
	defer tick.Stop()
	for {
		switch {
		case roles.serving():
			return false
		case roles.active().IsValid():
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// tell tells the other directors of this one's connections while a role changes hands, in the background; own: of those that it did not
// hear of from others.
func (s *connectionSync) tell(period time.Duration, own bool) {
	running := s.running.Load()
	if running == nil || !s.telling.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer s.telling.Store(false)
		if err := running.Tell(running.ctx, period, own); err != nil {
			s.log.Warn("the other directors may miss connections that began just now", "error", err)
		}
	}()
}

// lastWords tells of every connection, before a planned stop gives the roles up. It returns what goes on telling after that.
func (s *connectionSync) lastWords() (goOn func(period time.Duration)) {
	running := s.running.Load()
	if running == nil {
		return func(period time.Duration) { <-time.After(period) }
	}
	// The exchange's own life has ended with the loop's.
	ctx, cancel := context.WithTimeout(context.Background(), tellAllBound)
	defer cancel()
	if _, err := running.TellAll(ctx); err != nil {
		s.log.Warn("the other directors may miss connections", "error", err)
	}
	return func(period time.Duration) {
		ended := time.After(period)
		if err := running.Tell(context.Background(), period, false); err != nil {
			s.log.Warn("the other directors may miss connections that began just now", "error", err)
		}
		<-ended
	}
}

// liveExchange is an exchange of this node's kernel.
type liveExchange struct {
	*exchange.Exchange
	teller *exchange.Teller
}

// TellAll implements exchanger.
func (x liveExchange) TellAll(ctx context.Context) (int, error) { return x.teller.All(ctx) }

// Tell implements exchanger.
func (x liveExchange) Tell(ctx context.Context, period time.Duration, own bool) error {
	return x.teller.For(ctx, period, own)
}

// openExchange opens exchanges of a kernel. Questions go to the port below the daemons', which other programs have no reason to use.
func openExchange(k *kernel.Kernel, active func() bool, log *slog.Logger) func(ipvs.Daemon) (exchanger, error) {
	return func(master ipvs.Daemon) (exchanger, error) {
		if master.Port < 2 {
			return nil, fmt.Errorf("connectionSync.port %d has no port below it for questions", master.Port)
		}
		teller := &exchange.Teller{Kernel: tableOf{k}, Open: func() (exchange.Sender, error) { return connectionsnet.Open(master, time.Sleep) }}
		opened, err := exchange.Open(exchange.Options{
			Teller: teller, SyncID: uint8(master.ID), Port: master.Port - 1, Active: active, Log: log,
		})
		if err != nil {
			return nil, err
		}
		return liveExchange{opened, teller}, nil
	}
}

// tableOf is a kernel as the exchange sees it.
type tableOf struct{ kernel *kernel.Kernel }

// Connections implements exchange.Kernel.
func (t tableOf) Connections(ctx context.Context, with func(connections.Connection) bool) error {
	return connectionsnet.Each(ctx, with)
}

// Services implements exchange.Kernel. It reads foreign services too: their connections are the kernel's to synchronise as well.
func (t tableOf) Services(ctx context.Context) (connections.Services, error) {
	readings, err := t.kernel.Table(ctx, func(ipvs.ServiceKey) bool { return true })
	if err != nil {
		return connections.Services{}, err
	}
	return connections.NewServices(readings), nil
}
