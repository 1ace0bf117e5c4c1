// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"syscall"
	"time"
)

// Host is a machine of the test network.
type Host struct {
	name       string
	address    netip.Addr
	management netip.Prefix
	hub        namespace
	namespace  namespace
}

// Name is the host's name in the network.
func (h *Host) Name() string { return h.name }

// Address is the one given for eth0.
func (h *Host) Address() netip.Addr { return h.address }

// ManagementAddress is the host's address on mgmt0, 10.99.0.2 and on in the order of the hosts.
func (h *Host) ManagementAddress() netip.Addr { return h.management.Addr() }

// Namespace is the host's name for ip-netns(8).
func (h *Host) Namespace() string { return string(h.namespace) }

// connect gives a bare namespace its links and addresses.
func (h *Host) connect(address netip.Prefix) error {
	for _, scope := range []string{"all", "default"} {
		if err := h.namespace.sysctl("net/ipv6/conf/"+scope+"/accept_dad", "0"); err != nil {
			return err
		}
	}
	if err := h.hub.configure(func(l *links) {
		l.cable(serviceBridge, h.port(), "eth0", h.namespace)
		l.cable(managementBridge, "m-"+h.name, "mgmt0", h.namespace)
	}); err != nil {
		return err
	}
	return h.namespace.configure(func(l *links) {
		l.set("lo", true)
		l.address("eth0", address)
		l.set("eth0", true)
		l.address("mgmt0", h.management)
		l.set("mgmt0", true)
	})
}

// port is the hub's end of eth0.
func (h *Host) port() string { return "s-" + h.name }

// Command returns a command that runs on the host, in a process group of its own. The end of ctx kills the group; the end
// of this process kills the command, provided it is started from a goroutine that is not locked to a thread. What still
// runs when the network is closed is ended then.
func (h *Host) Command(ctx context.Context, args ...string) *exec.Cmd {
	argv := append([]string{"netns", "exec", string(h.namespace)}, args...)
	cmd := exec.CommandContext(ctx, "ip", argv...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	return cmd
}

// Do calls f on a thread that is in the host's namespace: sockets that f opens, processes that it starts, and what it
// reads and writes below /proc/sys/net are the host's. Goroutines that f starts are not on the host, so f must not dial
// names or several addresses; sockets may be used after f has returned.
func (h *Host) Do(f func() error) error {
	if err := h.namespace.do(f); err != nil {
		return fmt.Errorf("on test host %s: %w", h.name, err)
	}
	return nil
}

// LinkDown pulls the plug of eth0: the host loses the carrier, and keeps its addresses.
func (h *Host) LinkDown() error { return h.setLink(false) }

// LinkUp puts the plug of eth0 back.
func (h *Host) LinkUp() error { return h.setLink(true) }

func (h *Host) setLink(up bool) error {
	if err := h.hub.configure(func(l *links) { l.set(h.port(), up) }); err != nil {
		return fmt.Errorf("change the link of test host %s: %w", h.name, err)
	}
	return nil
}

// SetIsolated says whether eth0 is one of the isolated ports of the bridge: no frame passes between two that are, and all others
// reach both. Its link stays up.
func (h *Host) SetIsolated(isolated bool) error {
	if err := h.hub.configure(func(l *links) { l.isolate(h.port(), isolated) }); err != nil {
		return fmt.Errorf("isolate the port of test host %s: %w", h.name, err)
	}
	return nil
}
