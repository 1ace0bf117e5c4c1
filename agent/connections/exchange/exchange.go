// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/connections"
)

// Exchange answers other directors that ask for connections, and asks for theirs.
type Exchange struct {
	teller *Teller
	syncID uint8
	port   uint16
	// serves says whether this director is Active for a virtual IP, or for any: a Backup has only what it was told.
	serves  func(virtual netip.Addr) bool
	log     *slog.Logger
	sockets [2]*socket // by family: IPv4, IPv6; nil where the kernel has none
	asked   chan question
	// answers are those to this director's own question.
	answers chan answer
}

// question is another director's.
type question struct {
	from  netip.AddrPort
	nonce uint64
}

type answer struct {
	from netip.Addr
	message
}

const (
	// mostAskers bounds the questions that wait: a group has 16 directors at most. More are asked again.
	mostAskers = 16
	// tellingPause lies between two tellings of everything, whoever asks.
	tellingPause = time.Second
	// askAgain is the time after which a question is repeated.
	askAgain = 500 * time.Millisecond
	// lastOnes is how long after the answer the kernel has taken the last connections that came before it.
	lastOnes = 100 * time.Millisecond
)

// Options are what Open needs.
type Options struct {
	// Teller tells of this director's connections.
	Teller *Teller
	// SyncID is that of the sync daemons, and Port the UDP port of questions, 1 to 65535.
	SyncID uint8
	Port   uint16
	// Serves says whether this director is Active for a virtual IP; for any, with the zero value.
	Serves func(virtual netip.Addr) bool
	Log    *slog.Logger
}

// Open listens for questions. It fails if neither IPv4 nor IPv6 lets it.
func Open(o Options) (*Exchange, error) {
	x := &Exchange{
		teller: o.Teller, syncID: o.SyncID, port: o.Port, serves: o.Serves, log: o.Log,
		asked: make(chan question, mostAskers), answers: make(chan answer, mostAskers),
	}
	var errs []error
	for i, open := range []func(uint16) (*socket, error){open4, open6} {
		var err error
		if x.sockets[i], err = open(o.Port); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == len(x.sockets) {
		return nil, fmt.Errorf("listen for other directors that ask for connections: %w", errors.Join(errs...))
	}
	return x, nil
}

// Run answers until ctx ends, and closes the sockets.
func (x *Exchange) Run(ctx context.Context) {
	for _, s := range x.sockets {
		if s != nil {
			go s.read(x.hear)
			defer s.close()
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-x.asked:
			x.answer(ctx, first)
		}
	}
}

// hear takes one datagram that came from the link. It never blocks: who is not heard asks again.
func (x *Exchange) hear(from netip.AddrPort, datagram []byte) {
	m, err := parse(datagram)
	switch {
	case err != nil || m.syncID != x.syncID:
	case m.kind == told:
		select {
		case x.answers <- answer{from: from.Addr(), message: m}:
		default:
		}
	case x.serves(netip.Addr{}):
		select {
		case x.asked <- question{from, m.nonce}:
		default:
		}
	}
}

// answer tells everything, once for all who ask at present.
func (x *Exchange) answer(ctx context.Context, first question) {
	count, err := x.teller.All(ctx, x.served)
	if err != nil {
		x.log.Warn("another director asked for connections", "from", first.from.Addr(), "error", err)
		return
	}
	for {
		x.log.Info("told another director of the connections here", "director", first.from.Addr(), "connections", count)
		x.send(first.from, message{kind: told, syncID: x.syncID, nonce: first.nonce, connections: uint32(min(count, 1<<31))})
		select {
		case first = <-x.asked:
			continue
		default:
		}
		break
	}
	select {
	case <-ctx.Done():
	case <-time.After(tellingPause):
	}
}

// served chooses the connections of virtual IPs for which this director is Active. Which one brought the packets of a firewall mark
// nobody knows.
func (x *Exchange) served(c connections.Connection, d connections.Details) bool {
	if d.Mark != 0 {
		return x.serves(netip.Addr{})
	}
	return x.serves(c.Virtual.Addr())
}

func (x *Exchange) send(to netip.AddrPort, m message) {
	i := 0
	if to.Addr().Is6() {
		i = 1
	}
	if s := x.sockets[i]; s != nil {
		s.send(to, m.bytes()) // what is lost is asked for again
	}
}

// CatchUp asks the directors that active names, whoever they are at the time, until each has told of its connections, and returns how
// many those were. It ends with ctx.
func (x *Exchange) CatchUp(ctx context.Context, active func() []netip.Addr) (int, error) {
	nonce := rand.Uint64() //nolint:gosec // it tells answers apart, and keeps no secret
	again := time.NewTicker(askAgain)
	defer again.Stop()
	answered, count := map[netip.Addr]bool{}, 0
	for {
		asked := false
		for _, director := range active() {
			if !answered[director] {
				asked = true
				x.send(netip.AddrPortFrom(director, x.port), message{kind: ask, syncID: x.syncID, nonce: nonce})
			}
		}
		if !asked && len(answered) > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(lastOnes):
			}
			return count, nil
		}
		select {
		case <-ctx.Done():
			return count, ctx.Err()
		case <-again.C:
		case a := <-x.answers:
			if a.nonce == nonce && !answered[a.from] {
				answered[a.from] = true
				count += int(a.connections)
			}
		}
	}
}
