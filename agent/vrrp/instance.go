// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Instance is the state machine of one virtual router on one interface (RFC 9568 section 6). It is not safe for
// concurrent use. Its inputs must come with times that do not go backwards.
type Instance struct {
	config Config
	state  State

	// deadline is when the state's one timer fires: Active_Down_Timer in Backup, Adver_Timer in Active.
	deadline time.Time
	// activeInterval is Active_Adver_Interval: the Active's own as heard, else the configured one. Every way into Backup
	// sets it.
	activeInterval time.Duration
	// active is the source of the last advertisement that was followed in Backup.
	active netip.Addr
	// activePriority is the priority of that advertisement.
	activePriority uint8
	// preemptAt is when PreemptDelay is over for the Active of lower priority that Backup follows meanwhile; zero: it follows none.
	preemptAt time.Time
	// wants says that the Active_Down_Timer of a Backup that waits for Claim has fired; resigned, that an Active has said priority 0 and
	// no other one has been heard since.
	wants, resigned bool
	// quietUntil is the time before which a losing advertisement is not answered by another Announce.
	quietUntil time.Time
	// announceAt is when an Active owes an Announce because of what came before quietUntil; zero: it owes none.
	announceAt time.Time
	// farewells is how often Backup may still say that it was Active, and saidAt when it did so last: see yield.
	farewells int
	saidAt    time.Time
}

// NewInstance returns an instance in Initialize, or the error of Config.Validate.
func NewInstance(c Config) (*Instance, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.Addresses, c.Peers = slices.Clone(c.Addresses), slices.Clone(c.Peers)
	return &Instance{config: c}, nil
}

// State returns the current state.
func (i *Instance) State() State { return i.state }

// Config returns the configuration in force. Its Addresses must not be changed.
func (i *Instance) Config() Config { return i.config }

// Deadline returns when Tick is wanted; the zero time says never.
func (i *Instance) Deadline() time.Time {
	if !i.announceAt.IsZero() && i.announceAt.Before(i.deadline) {
		return i.announceAt
	}
	return i.deadline
}

// ActiveSource returns the address from which the Active that this Backup follows advertises. It is the zero value in
// the other states, and in Backup until an advertisement was heard.
func (i *Instance) ActiveSource() netip.Addr { return i.active }

// Advertisement returns what an Active sends, and one that has just yielded. Its Addresses are the instance's own and must not be changed.
func (i *Instance) Advertisement() Advertisement {
	return Advertisement{
		Version:   i.config.Version,
		VRID:      i.config.VRID,
		Priority:  i.config.Priority,
		Interval:  i.config.Interval,
		Addresses: i.config.Addresses,
		Auth:      i.config.Password.authentication(),
		Plain:     i.config.PlainChecksum,
	}
}

// Resignation returns what an Active sends when it stops: its advertisement with priority 0.
func (i *Instance) Resignation() Advertisement {
	a := i.Advertisement()
	a.Priority = PriorityResign
	return a
}

// Receive takes a parsed advertisement that came from src. A [Discard] as error says that this router must not follow
// it; there are then no actions. In Initialize a good advertisement is no error and changes nothing.
func (i *Instance) Receive(now time.Time, src netip.Addr, a *Advertisement) (Actions, error) {
	if d := i.judge(src, a); d != 0 {
		return 0, d
	}
	switch i.state {
	case Backup:
		return i.receiveBackup(now, src, a), nil
	case Active:
		return i.receiveActive(now, src, a), nil
	}
	return 0, nil
}

// judge applies the checks of RFC 9568 section 7.1 and RFC 3768 section 7.1 that need the configuration, and that of unicast
// peers, whose packets may come from anywhere else than the link. It returns 0 for an advertisement that is to be followed.
func (i *Instance) judge(src netip.Addr, a *Advertisement) Discard {
	c := &i.config
	switch {
	case a.VRID != c.VRID:
		return ErrVRID
	case a.Version != c.Version:
		return ErrVersion
	case src == c.Source:
		return ErrOwnSource
	case a.Unicast != (len(c.Peers) > 0) || a.Unicast && !slices.Contains(c.Peers, src):
		return ErrPeer
	case c.Version == Version2 && !c.Password.authentication().accepts(a.Auth):
		return ErrAuthentication
	case c.Version == Version2 && a.Interval != c.Interval:
		return ErrInterval
	}
	return 0
}

// Tick tells the time. Before the deadline, and in Initialize, nothing happens. A Backup with Config.Waits asks for nothing but Want.
func (i *Instance) Tick(now time.Time) Actions {
	if deadline := i.Deadline(); deadline.IsZero() || now.Before(deadline) {
		return 0
	}
	switch i.state {
	case Backup:
		if i.config.Waits {
			return i.want(now)
		}
		return i.becomeActive(now)
	case Active:
		return i.tickActive(now)
	}
	return 0
}

// Shutdown returns to Initialize; an Active resigns first (RFC 9568 sections 6.4.2 and 6.4.3). It is also what a caller
// does when the interface is lost.
func (i *Instance) Shutdown(time.Time) Actions {
	switch i.state {
	case Backup:
		return i.becomeInitialize()
	case Active:
		return Resign | i.becomeInitialize()
	}
	return 0
}

// Reconfigure puts another configuration of the same virtual router in force without leaving the state. Version and
// VRID are the router's identity: changing them is an error, as is what Config.Validate refuses, and nothing is then
// changed. An equal configuration does nothing, so that repeating it postpones no timer.
//
// An Active advertises the change at once. A Backup's running timer is moved by what the change of priority changes in
// the skew; a change of version 2's interval starts it anew. A priority raised to 255 in Backup takes effect when the
// timer fires, since advertisements of lower priority no longer reset it.
func (i *Instance) Reconfigure(now time.Time, c Config) (Actions, error) {
	if err := c.Validate(); err != nil {
		return 0, err
	}
	old := i.config
	if c.Addresses[0].Is4() != old.Addresses[0].Is4() {
		return 0, fmt.Errorf("virtual router %d cannot change its address family in place: stop it and start another", old.VRID)
	}
	if c.Version != old.Version || c.VRID != old.VRID {
		return 0, fmt.Errorf("virtual router %d version %d cannot become %d version %d in place: stop it and start another",
			old.VRID, old.Version, c.VRID, c.Version)
	}
	if c.Equal(old) {
		return 0, nil
	}
	c.Addresses, c.Peers = slices.Clone(c.Addresses), slices.Clone(c.Peers)
	i.config = c
	switch i.state {
	case Backup:
		i.reconfigureBackup(now, old)
		return 0, nil
	case Active:
		return i.advertise(now), nil
	}
	return 0, nil
}
