// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// link is what a thread needs to know of its interface.
type link struct {
	// index is 0 if the interface does not exist.
	index    int
	hardware hardwareAddress
	// ethernet says that the interface has a 6-byte hardware address, so that ARP makes sense.
	ethernet  bool
	addresses []linkAddress
	// fault is why the interface cannot be used; nil if it can.
	fault error
	// untold is why the kernel did not tell of it when it was asked last; nil: it did.
	untold error
}

// Faults of an interface: while one lasts the instance is in Initialize. They are not errors of the runner.
var (
	errNoLink     = errors.New("interface does not exist: create it, or give the one that does")
	errLinkDown   = errors.New("interface is down or has no carrier: bring it up")
	errNoAddress  = errors.New("interface has no IPv4 address to send from: add one")
	errNoEthernet = errors.New("interface has no Ethernet address, beside which it could have a virtual one: leave virtualMAC out, or give another interface")
	errNoLocal    = errors.New("interface has no link-local IPv6 address to send from: enable IPv6 on it (net.ipv6.conf.<interface>.disable_ipv6=0)")
)

// dumpTries is how often a list is asked for that changed while it was read.
const dumpTries = 5

// lookUp reads the interface's present state from the kernel. An error says that the kernel did not tell, and nothing about the
// interface.
func lookUp(kernel interfaces, name string) (link, error) {
	found, err := again(func() (netlink.Link, error) { return kernel.LinkByName(name) })
	if absent := (netlink.LinkNotFoundError{}); errors.As(err, &absent) {
		return link{fault: errNoLink}, nil
	} else if err != nil {
		return link{}, fmt.Errorf("look up interface %s: %w", name, err)
	}
	attributes := found.Attrs()
	l := link{index: attributes.Index, ethernet: len(attributes.HardwareAddr) == len(hardwareAddress{})}
	copy(l.hardware[:], attributes.HardwareAddr)
	const usable = net.FlagUp | net.FlagRunning
	if attributes.Flags&usable != usable {
		l.fault = errLinkDown
		return l, nil
	}
	addresses, err := again(func() ([]linkAddress, error) { return kernel.addresses(*attributes) })
	if err != nil {
		return link{}, fmt.Errorf("list the addresses of interface %s: %w", name, err)
	}
	l.addresses = addresses
	return l, nil
}

// again asks once more for what changed while it was told, a few times.
func again[T any](ask func() (T, error)) (T, error) {
	for try := 1; ; try++ {
		answer, err := ask()
		if !errors.Is(err, nl.ErrDumpInterrupted) || try == dumpTries {
			return answer, err
		}
	}
}

// chooseSource chooses the address to send from, or returns the fault that there is none: the configured one; else the one in
// use, which is previous; else the first primary one. Virtual addresses are never chosen, neither this router's nor another's, for
// they move; except this router's by their owner.
func chooseSource(addresses []linkAddress, c vrrp.Config, previous netip.Addr) (netip.Addr, error) {
	if c.Source.IsValid() {
		if slices.ContainsFunc(addresses, func(a linkAddress) bool { return a.Addr == c.Source }) {
			return c.Source, nil
		}
		return netip.Addr{}, fmt.Errorf("interface lacks the source address %s: add it", c.Source)
	}
	first := netip.Addr{}
	for _, a := range addresses {
		ours := slices.Contains(c.Addresses, a.Addr)
		if a.Is4() != c.Family().Is4() || (ours || a.virtual) && (!ours || c.Priority != vrrp.PriorityOwner) {
			continue
		}
		if a.Addr == previous {
			return previous, nil
		}
		if !first.IsValid() && a.primary {
			first = a.Addr
		}
	}
	if !first.IsValid() {
		if c.Family().Is6() {
			return first, errNoLocal
		}
		return first, errNoAddress
	}
	return first, nil
}
