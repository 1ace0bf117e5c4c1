// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Config is one virtual router as one director runs it (RFC 9568 section 6.1).
type Config struct {
	// Version is what is sent, and the only version accepted.
	Version Version
	// VRID is the virtual router identifier, 1 to 255, unique on the link.
	VRID uint8
	// Priority is 1 to 255; 255 says that the addresses are this director's own.
	Priority uint8
	// Interval is the time between advertisements: in version 2 whole seconds from 1 s to 255 s and the same on all
	// directors, in version 3 hundredths of a second from 10 ms to 40.95 s.
	Interval time.Duration
	// Preempt lets a Backup take over from an Active of lower priority. Priority 255 always does.
	Preempt bool
	// Addresses are the virtual addresses, 1 to 255 of them, IPv4 unicast, each once, in the order in which they are
	// advertised.
	Addresses []netip.Addr
	// Password is version 2's, at most 8 bytes; the zero value is no authentication.
	Password Password
	// Source is the interface's primary IPv4 address, which breaks a tie of priorities: the greater one wins. The zero
	// value loses every tie and cannot be sent from.
	Source netip.Addr
}

// Validate returns an error that names the first field which VRRP does not allow, and what it does allow.
func (c Config) Validate() error {
	unit := c.Version.intervalUnit()
	switch {
	case unit == 0:
		return fmt.Errorf("VRRP version %d: want 2 or 3", c.Version)
	case c.VRID == 0:
		return errors.New("virtual router id 0: want 1 to 255")
	case c.Priority == 0:
		return errors.New("priority 0: want 1 to 255")
	case c.Interval < unit || c.Interval > c.Version.maxInterval() || c.Interval%unit != 0:
		return fmt.Errorf("interval %s: VRRP version %d wants a multiple of %s, at most %s",
			c.Interval, c.Version, unit, c.Version.maxInterval())
	case c.Version != Version2 && !c.Password.IsZero():
		return fmt.Errorf("password: VRRP version %d has no authentication; remove it or use version 2", c.Version)
	case c.Password.length() > authDataSize:
		return fmt.Errorf("password of %d bytes: VRRP version 2 carries at most %d "+
			"(keepalived cuts a longer one off there; give its first %d bytes)",
			c.Password.length(), authDataSize, authDataSize)
	case c.Source.IsValid() && !unicast4(c.Source):
		return fmt.Errorf("source address %s: want an IPv4 unicast address", c.Source)
	}
	return c.validateAddresses()
}

func (c Config) validateAddresses() error {
	if n := len(c.Addresses); n == 0 || n > maxAddressCount {
		return fmt.Errorf("%d virtual addresses: want 1 to %d", n, maxAddressCount)
	}
	for i, address := range c.Addresses {
		switch {
		case !unicast4(address):
			return fmt.Errorf("virtual address %s: want an IPv4 unicast address", address)
		case slices.Contains(c.Addresses[:i], address):
			return fmt.Errorf("virtual address %s is listed twice", address)
		}
	}
	return nil
}

func unicast4(a netip.Addr) bool {
	return a.Is4() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() &&
		a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// Equal reports whether the two say the same. The order of addresses counts, as it does on the wire.
func (c Config) Equal(other Config) bool {
	if !slices.Equal(c.Addresses, other.Addresses) {
		return false
	}
	return c.Version == other.Version && c.VRID == other.VRID && c.Priority == other.Priority &&
		c.Interval == other.Interval && c.Preempt == other.Preempt && c.Password == other.Password &&
		c.Source == other.Source
}

// preempts reports whether a Backup with this configuration ignores an Active of lower priority (RFC 9568 section 6.1).
func (c Config) preempts() bool { return c.Preempt || c.Priority == PriorityOwner }

// skew is the head start of better directors when the Active falls silent, given the Active's interval: RFC 9568
// section 6.1, and RFC 3768 section 6.1, where it does not depend on the interval.
func (c Config) skew(interval time.Duration) time.Duration {
	if c.Version == Version2 {
		interval = time.Second
	}
	return time.Duration(256-int(c.Priority)) * interval / 256
}

// down is the silence after which a Backup takes the Active for dead: Active_Down_Interval of RFC 9568 section 6.1.
func (c Config) down(interval time.Duration) time.Duration {
	return 3*interval + c.skew(interval)
}
