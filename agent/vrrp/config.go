// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"cmp"
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
	// PreemptDelay is how long a Backup goes on following an Active of lower priority, from the first advertisement that it
	// hears of it, before it takes over: 0 to 1000 s, as keepalived's preempt_delay. Priority 255 does not wait.
	PreemptDelay time.Duration
	// Waits keeps a Backup from becoming Active by itself: when its Active has fallen silent or has resigned it says so, as Standing, and
	// becomes Active by Claim. It is for virtual routers that move together: see Together. Priority 255 starts as Active nevertheless.
	Waits bool
	// Addresses are the virtual addresses, 1 to MaxAddresses of them, unicast and all of one family, each once, in the order in
	// which they are advertised. IPv6 needs version 3, and the first of them is link-local (RFC 9568 section 5.2.9).
	Addresses []netip.Addr
	// Peers are the directors' addresses, which then get every advertisement by unicast, and of which alone any is followed; at
	// most 64. The one that this director sends from may be among them. None: multicast.
	Peers []netip.Addr
	// Announcements are how the link is told where the addresses are.
	Announcements Announcements
	// PlainChecksum leaves the pseudo-header out of the checksum of version 3 over IPv4, as RFC 9568 section 5.2.8 has it and
	// keepalived does not. Received are both.
	PlainChecksum bool
	// VirtualMAC sends advertisements and announcements from the virtual router's own Ethernet address, VirtualMAC of its family and
	// id, instead of the interface's. It excludes Peers: only what goes to everybody tells each bridge where the address is.
	VirtualMAC bool
	// Password is version 2's, at most 8 bytes; the zero value is no authentication.
	Password Password
	// Source is the interface's primary IPv4 address, or its link-local IPv6 address, which breaks a tie of priorities: the
	// greater one wins. The zero value loses every tie and cannot be sent from.
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
	case c.PreemptDelay < 0 || c.PreemptDelay > maxPreemptDelay:
		return fmt.Errorf("preempt delay %s: want 0 to %s", c.PreemptDelay, maxPreemptDelay)
	case len(c.Addresses) == 0:
		return errors.New("no virtual addresses: want at least 1")
	case c.Version == Version2 && c.Addresses[0].Is6():
		return errors.New("virtual addresses of IPv6 in VRRP version 2: want version 3")
	case c.Addresses[0].Is6() && !c.Addresses[0].IsLinkLocalUnicast():
		return fmt.Errorf("first virtual address %s: want a link-local one, such as %s", c.Addresses[0], LinkLocal(c.VRID))
	case len(c.Addresses) > MaxAddresses(c.Addresses[0]):
		return fmt.Errorf("%d virtual addresses: want 1 to %d", len(c.Addresses), MaxAddresses(c.Addresses[0]))
	case c.Source.IsValid() && !c.fits(c.Source):
		return fmt.Errorf("source address %s: want %s", c.Source, c.wanted())
	case c.Source.Is6() && !c.Source.IsLinkLocalUnicast():
		return fmt.Errorf("source address %s: want a link-local one (RFC 9568 section 5.1.2.1)", c.Source)
	case len(c.Peers) > maxPeers:
		return fmt.Errorf("%d unicast peers: want at most %d", len(c.Peers), maxPeers)
	case c.VirtualMAC && len(c.Peers) > 0:
		return errors.New("virtual MAC address with unicast peers: want multicast, from which bridges learn where the address is")
	}
	return cmp.Or(c.validateList("virtual address", c.Addresses), c.validateList("unicast peer", c.Peers), c.Announcements.validate())
}

const (
	maxPreemptDelay = 1000 * time.Second
	maxPeers        = 64
)

func (c Config) validateList(what string, addresses []netip.Addr) error {
	for i, address := range addresses {
		switch {
		case !c.fits(address):
			return fmt.Errorf("%s %s: want %s", what, address, c.wanted())
		case slices.Contains(addresses[:i], address):
			return fmt.Errorf("%s %s is listed twice", what, address)
		}
	}
	return nil
}

// fits says whether an address is unicast and of the router's family.
func (c Config) fits(a netip.Addr) bool {
	return a.Is4() == c.Addresses[0].Is4() && !a.Is4In6() && a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast() &&
		!a.IsLoopback() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func (c Config) wanted() string {
	if c.Addresses[0].Is4() {
		return "an IPv4 unicast address"
	}
	return "an IPv6 unicast address"
}

// Equal reports whether the two say the same. The order of addresses counts, as it does on the wire.
func (c Config) Equal(other Config) bool {
	if !slices.Equal(c.Addresses, other.Addresses) || !slices.Equal(c.Peers, other.Peers) {
		return false
	}
	return c.Version == other.Version && c.VRID == other.VRID && c.Priority == other.Priority &&
		c.Interval == other.Interval && c.Preempt == other.Preempt && c.PreemptDelay == other.PreemptDelay && c.Waits == other.Waits &&
		c.Password == other.Password && c.Source == other.Source && c.Announcements == other.Announcements && c.PlainChecksum == other.PlainChecksum &&
		c.VirtualMAC == other.VirtualMAC
}

// Family is an address of the router's family, for [Group] and the like.
func (c Config) Family() netip.Addr { return c.Addresses[0] }

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
