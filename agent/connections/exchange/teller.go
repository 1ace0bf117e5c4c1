// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/connections"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// Kernel is the IPVS of a director.
type Kernel interface {
	// Connections calls with each connection, until it returns false or ctx ends.
	Connections(ctx context.Context, with func(connections.Connection) bool) error
	// Services reads the services that are the director's.
	Services(ctx context.Context) (connections.Services, error)
}

// Sender sends connections to the other directors' kernels.
type Sender interface {
	Send(c connections.Connection, d connections.Details) error
	Flush() error
	Close()
}

// Choice says whether other directors are told of a connection. They take what they are told over what they have, so it is of those
// alone that this director serves, or has just served.
type Choice func(connections.Connection, connections.Details) bool

// Teller tells the other directors of this one's connections.
type Teller struct {
	// Kernel has the connections.
	Kernel Kernel
	// Open opens a sender for one telling.
	Open func() (Sender, error)
}

const (
	// shortestPause lies between two readings of the table while a role changes hands. A connection that began in between is
	// served by the director that began it.
	shortestPause = 20 * time.Millisecond
	// pauseShare keeps a long table from taking a processor: a reading that took a millisecond is followed by a pause of so many.
	pauseShare = 4
	// mostRemembered bounds what a telling remembers of what it told. What is beyond is told again each time.
	mostRemembered = 1 << 16
)

// All tells of the connections that are chosen, and returns how many there were. An end of ctx is an error.
func (t *Teller) All(ctx context.Context, tells Choice) (int, error) {
	telling, err := t.begin(ctx, tells)
	if err != nil {
		return 0, err
	}
	defer telling.end()
	count, err := telling.round(ctx)
	if err != nil {
		return count, fmt.Errorf("tell other directors of connections: %w", err)
	}
	return count, nil
}

// For tells of the connections that are chosen, and then of those that are new or in another state, until the period or ctx is over.
func (t *Teller) For(ctx context.Context, period time.Duration, tells Choice) error {
	ctx, cancel := context.WithTimeout(ctx, period)
	defer cancel()
	telling, err := t.begin(ctx, tells)
	if err != nil {
		return err
	}
	defer telling.end()
	for {
		began := time.Now()
		_, err := telling.round(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // the period is over
		case err != nil:
			return fmt.Errorf("tell other directors of connections: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(shortestPause, pauseShare*time.Since(began))):
		}
	}
}

// identity is that of a connection in the kernel's table.
type identity struct {
	protocol        ipvs.Protocol
	client, virtual netip.AddrPort
	template        bool
}

// telling is what the other directors were told of so far.
type telling struct {
	kernel   Kernel
	services connections.Services
	sender   Sender
	tells    Choice
	told     map[identity]uint16 // the state, as it was told
}

func (t *Teller) begin(ctx context.Context, tells Choice) (*telling, error) {
	services, err := t.Kernel.Services(ctx)
	if err != nil {
		return nil, fmt.Errorf("tell other directors of connections: %w", err)
	}
	sender, err := t.Open()
	if err != nil {
		return nil, fmt.Errorf("tell other directors of connections: %w", err)
	}
	return &telling{kernel: t.Kernel, services: services, sender: sender, tells: tells, told: map[identity]uint16{}}, nil
}

func (t *telling) end() { t.sender.Close() }

// round reads the table once and tells of what is not known as it is. It returns how many connections that were.
func (t *telling) round(ctx context.Context) (count int, err error) {
	failed := error(nil)
	err = t.kernel.Connections(ctx, func(c connections.Connection) bool {
		details, known := t.services.Details(c)
		if !known || !t.tells(c, details) || !t.note(c) {
			return true
		}
		count++
		failed = t.sender.Send(c, details)
		return failed == nil
	})
	if failed == nil {
		// Also what was read of a table that could not be read to its end.
		failed = t.sender.Flush()
	}
	return count, errors.Join(failed, err)
}

// note notes that a connection is told of; false: it was, in its present state.
func (t *telling) note(c connections.Connection) bool {
	as := identity{c.Protocol, c.Client, c.Virtual, c.Template}
	if state, told := t.told[as]; told && state == c.State {
		return false
	}
	if len(t.told) < mostRemembered {
		t.told[as] = c.State
	}
	return true
}
