// SPDX-License-Identifier: Apache-2.0

package sandwich

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

const (
	// connections are made in each step, in turn by the client's addresses.
	connections = 50
	// addresses is how many addresses the client has: so many clients, for the directors.
	addresses = 10
)

// clients are the client's addresses.
func clients() []string {
	var all []string
	for i := range addresses {
		all = append(all, fmt.Sprintf("198.51.100.%d/24", 101+i))
	}
	return all
}

// outcome is what became of connections, at the client and at the firewalls.
type outcome struct {
	succeeded int
	// opened and refused count, a firewall, connections that began and packets that it did not know what to make of.
	opened, refused map[string]int
}

func (o outcome) String() string {
	text := fmt.Sprintf("%d of %d succeed", o.succeeded, connections)
	for _, firewall := range firewalls() {
		text += fmt.Sprintf("; %s: %d opened, %d packets refused", firewall, o.opened[firewall], o.refused[firewall])
	}
	return text
}

// connect makes connections to the server and says what became of them.
func (s *scene) connect(ctx context.Context) (outcome, error) {
	before, err := s.counters(ctx)
	if err != nil {
		return outcome{}, err
	}
	result := outcome{opened: map[string]int{}, refused: map[string]int{}}
	poll := traffic.Poll{Dial: s.dialInTurn(), Every: 20 * time.Millisecond, Timeout: 2 * time.Second, Count: connections}
	if err := poll.Run(ctx, func(try traffic.Try) {
		if try.Answer == server {
			result.succeeded++
		}
	}); err != nil {
		return outcome{}, err
	}
	after, err := s.counters(ctx)
	if err != nil {
		return outcome{}, err
	}
	for _, firewall := range firewalls() {
		result.opened[firewall] = after[firewall].opened - before[firewall].opened
		result.refused[firewall] = after[firewall].refused - before[firewall].refused
	}
	return result, nil
}

// dialInTurn connects from one address of the client after the other.
func (s *scene) dialInTurn() traffic.Dial {
	var turn atomic.Int32
	return func(ctx context.Context) (net.Conn, error) {
		text, _, _ := strings.Cut(clients()[int(turn.Add(1))%addresses], "/")
		source, err := netip.ParseAddr(text)
		if err != nil {
			return nil, err
		}
		return s.DialFreshFrom(client, source, target)(ctx)
	}
}

func (s *scene) everyConnectionWorks(ctx context.Context) error {
	result, err := s.connect(ctx)
	if err != nil {
		return err
	}
	opened, refused := 0, 0
	used := true
	for _, firewall := range firewalls() {
		opened += result.opened[firewall]
		refused += result.refused[firewall]
		used = used && result.opened[firewall] > 0
	}
	return s.Check(result.succeeded == connections && opened == connections && refused == 0 && used,
		fmt.Sprintf("%d connections of %d clients succeed, both firewalls have some of them, and each sees both directions of its own: nothing is refused", connections, addresses),
		"%s", result)
}

// someConnectionsFail has the inner director spread the way back without regard for the client's address.
func (s *scene) someConnectionsFail(ctx context.Context) error {
	if err := s.SetScheduler(ctx, "firewalls", "outbound", "rr", mark, inner); err != nil {
		return err
	}
	result, err := s.connect(ctx)
	if err != nil {
		return err
	}
	refused := 0
	for _, firewall := range firewalls() {
		refused += result.refused[firewall]
	}
	return s.Check(result.succeeded < connections && refused > 0, "some connections fail: a firewall refuses answers to what it has not seen", "%s", result)
}

// worksAgain does not look at what is refused: server and clients still repeat packets of the connections that failed.
func (s *scene) worksAgain(ctx context.Context) error {
	if err := s.SetScheduler(ctx, "firewalls", "outbound", "dh", mark, inner); err != nil {
		return err
	}
	result, err := s.connect(ctx)
	if err != nil {
		return err
	}
	return s.Check(result.succeeded == connections, fmt.Sprintf("all %d connections succeed", connections), "%s", result)
}
