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
	// CatchUp asks the directors that active names, until each has told of its connections.
	CatchUp(ctx context.Context, active func() []netip.Addr) (int, error)
	// TellAll tells of the connections that tells chooses, and Tell goes on with new ones until the period is over.
	TellAll(ctx context.Context, tells exchange.Choice) (int, error)
	Tell(ctx context.Context, period time.Duration, tells exchange.Choice) error
}

// connectionSync adds to the kernel's sync daemons what they don't do: a director that comes back is told of every connection, and
// one that hands its role over tells of the youngest. The loop calls its methods, but for tell.
type connectionSync struct {
	log   *slog.Logger
	kick  func()
	open  func(master ipvs.Daemon) (exchanger, error)
	roles roles

	// master is the daemon in whose place connections are sent; zero: there is no connection sync.
	master ipvs.Daemon
	// running is what runs for it; nil: nothing does, and refused is why.
	running atomic.Pointer[runningSync]
	refused string
}

// roles tell who is Active for the groups with connection sync, at any time.
type roles interface {
	// serves says whether this director is Active for a virtual IP; for any, with the zero value.
	serves(virtual netip.Addr) bool
	// others are the Active directors that this one follows; settled: it follows or is one for each virtual router.
	others() (active []netip.Addr, settled bool)
}

// newConnectionSync is that of a node's routers, which wait for it before they take a role from a living director.
func newConnectionSync(routers *routers, kick func(), open func(ipvs.Daemon) (exchanger, error), log *slog.Logger) *connectionSync {
	s := &connectionSync{log: log, kick: kick, open: open, roles: routers}
	routers.behind = s.behind
	routers.returned = s.catchUp
	return s
}

// runningSync is one exchange.
type runningSync struct {
	exchanger
	ctx   context.Context //nolint:containedctx // it is the exchange's life
	end   context.CancelFunc
	ended chan struct{}
	// behind says that the Active directors' connections are not all known here, and that they are asked for.
	behind atomic.Bool
	telling
}

// follow makes the exchange that of the desired daemons, and catches up when it is a new one. It returns whether there is a new one.
func (s *connectionSync) follow(ctx context.Context, daemons []ipvs.Daemon) bool {
	var master ipvs.Daemon
	for _, d := range daemons {
		if d.State == ipvs.Master {
			master = d
		}
	}
	if master == s.master {
		return false
	}
	s.close()
	s.master = ipvs.Daemon{}
	if master == (ipvs.Daemon{}) {
		return true
	}
	opened, err := s.open(master)
	if err != nil {
		if err.Error() != s.refused {
			s.refused = err.Error()
			s.log.Warn("connections are synchronised by the kernel alone: a director that comes back misses idle ones", "error", err)
		}
		return false
	}
	s.master, s.refused = master, ""
	running := &runningSync{exchanger: opened, ended: make(chan struct{})}
	running.ctx, running.end = context.WithCancel(ctx)
	s.running.Store(running)
	go func() {
		defer close(running.ended)
		opened.Run(running.ctx)
	}()
	s.catchUp()
	return true
}

// close ends the exchange, and with it its sockets: another one may want the same port.
func (s *connectionSync) close() {
	if running := s.running.Swap(nil); running != nil {
		running.end()
		<-running.ended
	}
}

// behind says that the Active directors' connections are not all known here.
func (s *connectionSync) behind() bool {
	running := s.running.Load()
	return running != nil && running.behind.Load()
}

// catchUp asks for the Active directors' connections, until they are here or those have had their time.
func (s *connectionSync) catchUp() {
	running := s.running.Load()
	if running == nil || !running.behind.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer s.kick()
		defer running.behind.Store(false)
		if !s.appears(running.ctx) {
			return
		}
		ctx, cancel := context.WithTimeout(running.ctx, catchUpBound)
		defer cancel()
		count, err := running.CatchUp(ctx, func() []netip.Addr {
			active, _ := s.roles.others()
			return active
		})
		switch {
		case running.ctx.Err() != nil:
		case err != nil:
			s.log.Warn("an Active director did not tell of its connections in time: those that are idle may be lost when this one takes over", "waited", catchUpBound)
		default:
			s.log.Info("knows the connections of the other directors", "connections", count)
		}
	}()
}

// appears waits until it is known who is Active; false: nobody else is, or the exchange has ended.
func (s *connectionSync) appears(ctx context.Context) bool {
	tick := time.NewTicker(lookForActive)
	defer tick.Stop()
	for {
		if active, settled := s.roles.others(); settled {
			return len(active) > 0
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// lastWords tells of the connections of the virtual IPs that this director serves, before a planned stop gives the roles up, and then
// goes on with those that begin, until it is ended.
func (s *connectionSync) lastWords() (end func()) {
	running := s.running.Load()
	if running == nil || !s.roles.serves(netip.Addr{}) {
		return func() {}
	}
	served := remembered{serves: s.roles.serves, known: map[netip.Addr]bool{}}
	// The exchange's own life has ended with the loop's.
	before, cancel := context.WithTimeout(context.Background(), tellAllBound)
	defer cancel()
	if _, err := running.TellAll(before, served.tells); err != nil {
		s.log.Warn("the other directors may miss connections", "error", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := running.Tell(ctx, handOverBound+yieldGrace, served.tells); err != nil && ctx.Err() == nil {
			s.log.Warn("the other directors may miss connections that began just now", "error", err)
		}
	}()
	return func() {
		stop()
		<-done
	}
}

// liveExchange is an exchange of this node's kernel.
type liveExchange struct {
	*exchange.Exchange
	teller *exchange.Teller
}

// TellAll implements exchanger.
func (x liveExchange) TellAll(ctx context.Context, tells exchange.Choice) (int, error) {
	return x.teller.All(ctx, tells)
}

// Tell implements exchanger.
func (x liveExchange) Tell(ctx context.Context, period time.Duration, tells exchange.Choice) error {
	return x.teller.For(ctx, period, tells)
}

// openExchange opens exchanges of a kernel. Questions go to the port below the daemons', which other programs have no reason to use.
func openExchange(k *kernel.Kernel, roles roles, log *slog.Logger) func(ipvs.Daemon) (exchanger, error) {
	return func(master ipvs.Daemon) (exchanger, error) {
		if master.Port < 2 {
			return nil, fmt.Errorf("connectionSync.port %d has no port below it for questions", master.Port)
		}
		teller := &exchange.Teller{Kernel: tableOf{k}, Open: func() (exchange.Sender, error) { return connectionsnet.Open(master, time.Sleep) }}
		opened, err := exchange.Open(exchange.Options{
			Teller: teller, SyncID: uint8(master.ID), Port: master.Port - 1, Log: log,
			Serves: roles.serves,
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
