// SPDX-License-Identifier: Apache-2.0

package network

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// links makes links and addresses in one namespace, up to the first error, which it keeps.
type links struct {
	namespace namespace
	handle    *netlink.Handle
	err       error
}

// configure calls f with the links of the namespace and returns the first error.
func (n namespace) configure(f func(*links)) error {
	inside, err := netns.GetFromName(string(n))
	if err != nil {
		return fmt.Errorf("find network namespace %s: %w", n, err)
	}
	defer func() { _ = inside.Close() }()
	handle, err := netlink.NewHandleAt(inside)
	if err != nil {
		return fmt.Errorf("reach network namespace %s: %w", n, err)
	}
	defer handle.Close()
	l := &links{namespace: n, handle: handle}
	f(l)
	return l.err
}

// try runs one step, unless one before failed.
func (l *links) try(what string, do func() error) {
	if l.err != nil {
		return
	}
	if err := do(); err != nil {
		l.err = fmt.Errorf("%s in network namespace %s: %w", what, l.namespace, err)
	}
}

// bridge makes a bridge without spanning tree, so that its ports forward at once, and without multicast snooping.
func (l *links) bridge(name string) {
	l.try("add bridge "+name, func() error {
		snooping := false
		return l.handle.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}, MulticastSnooping: &snooping})
	})
}

// cable makes a pair of links: port, on the bridge and up, and peer in another namespace.
func (l *links) cable(bridge, port, peer string, there namespace) {
	l.try("add link "+port+" to bridge "+bridge, func() error {
		master, err := l.handle.LinkByName(bridge)
		if err != nil {
			return err
		}
		other, err := netns.GetFromName(string(there))
		if err != nil {
			return err
		}
		defer func() { _ = other.Close() }()
		return l.handle.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: port, MasterIndex: master.Attrs().Index},
			PeerName:  peer, PeerNamespace: netlink.NsFd(int(other)),
		})
	})
	l.set(port, true)
}

// address adds an address to a link.
func (l *links) address(link string, address netip.Prefix) {
	l.try("add address "+address.String()+" to "+link, func() error {
		found, err := l.handle.LinkByName(link)
		if err != nil {
			return err
		}
		parsed, err := netlink.ParseAddr(address.String())
		if err != nil {
			return err
		}
		return l.handle.AddrAdd(found, parsed)
	})
}

// set sets a link up or down.
func (l *links) set(link string, up bool) {
	change, word := l.handle.LinkSetDown, "down"
	if up {
		change, word = l.handle.LinkSetUp, "up"
	}
	l.try("set "+link+" "+word, func() error {
		found, err := l.handle.LinkByName(link)
		if err != nil {
			return err
		}
		return change(found)
	})
}

// isolate makes a port of a bridge one of the isolated ones, or one of the others.
func (l *links) isolate(port string, isolated bool) {
	l.try("isolate bridge port "+port, func() error {
		found, err := l.handle.LinkByName(port)
		if err != nil {
			return err
		}
		return l.handle.LinkSetIsolated(found, isolated)
	})
}
