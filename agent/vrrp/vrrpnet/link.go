// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// link is what the runner needs to know of its interface.
type link struct {
	index    int
	hardware hardwareAddress
	// ethernet says that the interface has a 6-byte hardware address, so that ARP makes sense.
	ethernet bool
	source   netip.Addr
}

// Faults of an interface: while one lasts the instance is in Initialize. They are not errors of the runner.
var (
	errLinkDown  = errors.New("interface is down or has no carrier: bring it up")
	errNoAddress = errors.New("interface has no IPv4 address to send from: add one")
)

// lookUp reads the interface's present state from the kernel. With a fault the link's index may still be known, else it
// is 0. previous is the source in use, which is kept as long as the interface has it.
func lookUp(name string, c vrrp.Config, previous netip.Addr) (link, error) {
	found, err := netlink.LinkByName(name)
	if err != nil {
		return link{}, fmt.Errorf("find interface: %w", err)
	}
	attributes := found.Attrs()
	l := link{index: attributes.Index, ethernet: len(attributes.HardwareAddr) == len(hardwareAddress{})}
	copy(l.hardware[:], attributes.HardwareAddr)
	const usable = net.FlagUp | net.FlagRunning
	if attributes.Flags&usable != usable {
		return l, errLinkDown
	}
	addresses, err := netlink.AddrList(found, netlink.FAMILY_V4)
	if err != nil {
		return l, fmt.Errorf("list addresses: %w", err)
	}
	l.source, err = primary(addresses, c, previous)
	return l, err
}

// primary chooses the address to send from: the configured one; else the one in use; else the first of global scope
// that is not secondary. Virtual addresses are never chosen, for they move, except by their owner.
func primary(addresses []netlink.Addr, c vrrp.Config, previous netip.Addr) (netip.Addr, error) {
	first := netip.Addr{}
	for i := range addresses {
		address, ok := netip.AddrFromSlice(addresses[i].IP.To4())
		if !ok {
			continue
		}
		if c.Source.IsValid() {
			if address == c.Source {
				return address, nil
			}
			continue
		}
		if slices.Contains(c.Addresses, address) && c.Priority != vrrp.PriorityOwner {
			continue
		}
		if address == previous {
			return address, nil
		}
		secondary := addresses[i].Flags&unix.IFA_F_SECONDARY != 0
		if !first.IsValid() && !secondary && addresses[i].Scope == unix.RT_SCOPE_UNIVERSE {
			first = address
		}
	}
	switch {
	case first.IsValid():
		return first, nil
	case c.Source.IsValid():
		return first, fmt.Errorf("interface lacks the source address %s: add it", c.Source)
	}
	return first, errNoAddress
}
