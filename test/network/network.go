// SPDX-License-Identifier: Apache-2.0

// Package network makes test hosts on one link out of network namespaces (network_namespaces(7)), veth pairs and
// bridges. It needs root. It never touches the namespace that it is called from: the bridges are in a namespace of their
// own, the hub, which nothing leaves but through a Proxy.
//
//	   hub      mgmt, 10.99.0.1/24              service
//	              |          |                 |       |
//	           m-director  m-client      s-director  s-client
//	              |          |                 |       |
//	hosts       mgmt0      mgmt0             eth0    eth0
//
// eth0 is where services are: VRRP, virtual addresses, clients' traffic. mgmt0 leads to the hub only, and is there for
// what must go on when eth0 is down. Bridges forward at once and flood multicast: no spanning tree, no snooping.
package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

// ManagementAddress is the hub's own address on the management link, where a Proxy may listen.
const ManagementAddress = "10.99.0.1"

const (
	namespaceDir = "/run/netns" // where ip-netns(8) keeps namespaces
	hubName      = "hub"

	serviceBridge    = "service"
	managementBridge = "mgmt"

	maxHosts = 253 // host addresses of 10.99.0.0/24 but the hub's
)

// validName leaves room for "s-" in an interface's name, of IFNAMSIZ-1 = 15 bytes.
var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,12}$`)

// Network is a hub and its hosts. Its methods are not safe for concurrent use; those of its hosts are.
type Network struct {
	prefix  string
	lock    *os.File
	hub     namespace
	hosts   []*Host
	proxies []*Proxy
}

// New makes a network without hosts. Its namespaces are named prefix-hub and prefix-<host>; prefix is a lower-case letter
// and up to 12 letters, digits and hyphens. What a crashed run left under the same prefix is removed first, with the
// processes in it; a prefix that another process uses is an error.
func New(prefix string) (*Network, error) {
	if !validName.MatchString(prefix) {
		return nil, fmt.Errorf("make test network: prefix %q does not match %s", prefix, validName)
	}
	lock, err := takeLock(prefix)
	if err != nil {
		return nil, fmt.Errorf("make test network %s: %w", prefix, err)
	}
	n := &Network{prefix: prefix, lock: lock, hub: namespace(prefix + "-" + hubName)}
	if err := n.removeAll(); err != nil {
		return nil, errors.Join(fmt.Errorf("make test network %s: remove what is left of an earlier run: %w", prefix, err), lock.Close())
	}
	if err := n.makeHub(); err != nil {
		return nil, errors.Join(fmt.Errorf("make test network %s: %w", prefix, err), n.Close())
	}
	return n, nil
}

// takeLock holds prefix until the file is closed or this process ends.
func takeLock(prefix string) (*os.File, error) {
	path := "/run/" + prefix + ".network.lock"
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w; another process uses this prefix", path, err), lock.Close())
	}
	return lock, nil
}

func (n *Network) makeHub() error {
	if err := n.hub.add(); err != nil {
		return err
	}
	// The bridges carry frames only: without IPv6 of its own the hub never speaks among the hosts.
	if err := n.hub.sysctl("net/ipv6/conf/default/disable_ipv6", "1"); err != nil {
		return err
	}
	return n.hub.configure(func(l *links) {
		l.set("lo", true)
		for _, bridge := range []string{serviceBridge, managementBridge} {
			l.bridge(bridge)
			l.set(bridge, true)
		}
		l.address(managementBridge, managementPrefix(1))
	})
}

// managementPrefix is a host address of the management link, 10.99.0.0/24. That of the hub is 1.
func managementPrefix(number int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 99, 0, byte(number)}), 24)
}

// AddHost makes a host whose eth0 has an address, given with its prefix length as in 192.0.2.114/24. The name is a
// lower-case letter and up to 12 letters, digits and hyphens. IPv6 addresses are usable at once: there is no duplicate
// address detection. All else is as the kernel makes it: ARP, forwarding off, no default route.
func (n *Network) AddHost(name, address string) (*Host, error) {
	parsed, err := netip.ParsePrefix(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("add test host %s: %w", name, err)
	case !validName.MatchString(name) || name == hubName:
		return nil, fmt.Errorf("add test host: name %q is taken or does not match %s", name, validName)
	case len(n.hosts) == maxHosts:
		return nil, fmt.Errorf("add test host %s: the network has %d hosts, and no address for more", name, maxHosts)
	}
	h := &Host{
		name: name, address: parsed.Addr(), hub: n.hub, namespace: namespace(n.prefix + "-" + name),
		management: managementPrefix(len(n.hosts) + 2),
	}
	if err := h.namespace.add(); err != nil {
		return nil, fmt.Errorf("add test host %s: %w", name, err)
	}
	n.hosts = append(n.hosts, h) // Close removes what of it was made
	if err := h.connect(parsed); err != nil {
		return nil, fmt.Errorf("add test host %s: %w", name, err)
	}
	return h, nil
}

// Close ends the processes in the network's namespaces, other than this one, and removes all that was made.
func (n *Network) Close() error {
	var problems []error
	for _, proxy := range n.proxies {
		proxy.Close()
	}
	problems = append(problems, n.removeAll(), n.lock.Close())
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("remove test network %s: %w", n.prefix, err)
	}
	return nil
}

// removeAll removes every namespace under the prefix, whoever made it, with the processes in it.
func (n *Network) removeAll() error {
	paths, err := filepath.Glob(filepath.Join(namespaceDir, n.prefix+"-*"))
	if err != nil || len(paths) == 0 {
		return err
	}
	if err := endProcesses(paths); err != nil {
		return err
	}
	var problems []error
	for _, path := range paths {
		problems = append(problems, namespace(filepath.Base(path)).remove())
	}
	return errors.Join(problems...)
}
