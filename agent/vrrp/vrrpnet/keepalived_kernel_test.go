// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// keepalivedConf is a configuration that says the same as c; unicast takes place between the host and its peers.
func (h *host) keepalivedConf(c vrrp.Config, password string) string {
	var more strings.Builder
	if password != "" {
		fmt.Fprintf(&more, "  authentication {\n    auth_type PASS\n    auth_pass %s\n  }\n", password)
	}
	if !c.Preempt {
		more.WriteString("  nopreempt\n")
	}
	if len(c.Peers) > 0 {
		own := h.source(c.Family())
		fmt.Fprintf(&more, "  unicast_src_ip %s\n  unicast_peer {\n", own)
		for _, peer := range c.Peers {
			if peer != own {
				fmt.Fprintf(&more, "    %s\n", peer)
			}
		}
		more.WriteString("  }\n")
	}
	if c.VirtualMAC {
		more.WriteString("  use_vmac\n")
	}
	more.WriteString("  virtual_ipaddress {\n")
	for _, address := range c.Addresses {
		fmt.Fprintf(&more, "    %s\n", address)
	}
	return fmt.Sprintf(`global_defs {
  router_id peer
  vrrp_version %s
}
vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id %d
  priority %d
  advert_int %g
%s  }
}
`, c.Version, c.VRID, c.Priority, c.Interval.Seconds(), more.String())
}

// keepalived runs the real one on the host.
func (h *host) keepalived(c vrrp.Config, password string) *exec.Cmd {
	h.t.Helper()
	dir := h.t.TempDir()
	conf := filepath.Join(dir, "keepalived.conf")
	if err := os.WriteFile(conf, []byte(h.keepalivedConf(c, password)), 0o600); err != nil {
		h.t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", h.ns, "keepalived", "-n", "-l", "-D", "-f", conf,
		"-p", filepath.Join(dir, "pid"), "-r", filepath.Join(dir, "vrrp.pid"), "-c", filepath.Join(dir, "checkers.pid"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if said, err := os.ReadFile(log.Name()); err == nil && h.t.Failed() {
			h.t.Logf("keepalived said:\n%s", said)
		}
		_ = log.Close()
	})
	// With use_vmac it makes firewall rules first, for which an emulated machine loads modules.
	eventuallyWithin(h.t, 3*patience, "keepalived is BACKUP", func() bool {
		said, _ := os.ReadFile(log.Name())
		return strings.Contains(string(said), "Entering BACKUP STATE")
	})
	return cmd
}

// has reports whether the virtual address is on the host, keepalived's sign of being MASTER.
func (h *host) has(address netip.Addr) bool {
	return strings.Contains(h.ip("addr show"), " "+address.String()+"/")
}

// encounter is one way in which we and keepalived share a virtual router.
type encounter struct {
	name     string
	version  vrrp.Version
	ipv6     bool
	unicast  bool
	password string
	interval time.Duration
}

var encounters = []encounter{
	{name: "version 2, PASS, multicast, 1 s", version: vrrp.Version2, password: "1111", interval: time.Second},
	{name: "version 2, no password, multicast, 1 s", version: vrrp.Version2, interval: time.Second},
	{name: "version 2, PASS, unicast, 1 s", version: vrrp.Version2, password: "1111", unicast: true, interval: time.Second},
	{name: "version 3, multicast, 1 s", version: vrrp.Version3, interval: time.Second},
	{name: "version 3, IPv6, multicast, 1 s", version: vrrp.Version3, ipv6: true, interval: time.Second},
	{name: "version 3, multicast, 100 ms", version: vrrp.Version3, interval: 100 * time.Millisecond},
	{name: "version 3, unicast, 100 ms", version: vrrp.Version3, unicast: true, interval: 100 * time.Millisecond},
	{name: "version 3, IPv6, multicast, 100 ms", version: vrrp.Version3, ipv6: true, interval: 100 * time.Millisecond},
	{name: "version 3, IPv6, unicast, 100 ms", version: vrrp.Version3, ipv6: true, unicast: true, interval: 100 * time.Millisecond},
	{name: "version 3, multicast, 10 ms", version: vrrp.Version3, interval: 10 * time.Millisecond},
	{name: "version 3, unicast, 10 ms", version: vrrp.Version3, unicast: true, interval: 10 * time.Millisecond},
	{name: "version 3, IPv6, multicast, 10 ms", version: vrrp.Version3, ipv6: true, interval: 10 * time.Millisecond},
}

func (e encounter) config(m, s *host) (c vrrp.Config, address netip.Addr) {
	c = config(100)
	c.Version, c.Interval, c.Password = e.version, e.interval, vrrp.NewPassword(e.password)
	address = vip
	if e.ipv6 {
		address = netip.MustParseAddr("2001:db8::200")
		c.Addresses = []netip.Addr{vrrp.LinkLocal(c.VRID), address}
	}
	if e.unicast {
		c.Peers = []netip.Addr{m.source(c.Family()), s.source(c.Family())}
	}
	return c, address
}

// skewUnit is what the skew is a part of.
func (e encounter) skewUnit() time.Duration {
	if e.version == vrrp.Version2 {
		return time.Second
	}
	return e.interval
}

// Each way round: it Active, we Active; we stop, we return, we die; it stops. The wire shows one Active at every moment: each
// hand-over is one change of the sender, and nobody speaks out of turn.
func TestWeShareAVirtualRouterWithKeepalived(t *testing.T) {
	for _, e := range encounters {
		t.Run(e.name, func(t *testing.T) {
			m, s := newLab(t)
			c, address := e.config(m, s)
			us, them := m.source(c.Family()), s.source(c.Family())
			interval, unit := e.interval, e.skewUnit()
			// Emulated processors run late: what is steady is so for some intervals, and for a second at least.
			rest := max(4*interval, time.Second)
			wire := m.listen()
			ours := m.start(c)
			ours.await(vrrp.Backup)
			ours.await(vrrp.Active)
			theirs := c
			theirs.Priority = 99
			keepalived := s.keepalived(theirs, e.password)
			ours.steady(rest)

			begin := time.Now()
			ours.stop()
			within(t, "keepalived takes over after our priority 0", time.Since(begin), 0, skew(99, unit))
			eventually(t, "keepalived has the address", func() bool { return s.has(address) })

			begin = time.Now()
			ours = m.start(c)
			ours.await(vrrp.Backup)
			within(t, "we preempt keepalived", ours.await(vrrp.Active).Sub(begin), interval, 3*interval+skew(100, unit))
			eventually(t, "keepalived gave the address up", func() bool { return !s.has(address) })
			ours.steady(rest)

			begin = time.Now()
			ours.kill()
			eventually(t, "keepalived takes over after our death", func() bool { return s.has(address) })
			within(t, "keepalived takes over after our death", time.Since(begin), interval, 3*interval+skew(99, unit))

			low := c
			low.Priority = 50
			ours = m.start(low)
			ours.await(vrrp.Backup)
			ours.steady(rest)
			begin = time.Now()
			if err := keepalived.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			within(t, "we take over after keepalived's priority 0", ours.await(vrrp.Active).Sub(begin), 0, skew(50, unit))
			ours.steady(interval)
			if got := ours.Stats().Discarded; got != [vrrp.DiscardLimit]uint64{} {
				t.Errorf("we discarded %v of keepalived's", got)
			}
			wire.tookTurns(us, them, us, them, us)
		})
	}
}

// keepalived accepts version 3 without the pseudo-header of RFC 5798 only where it is told to; we accept either.
func TestKeepalivedWantsThePseudoHeader(t *testing.T) {
	m, s := newLab(t)
	c := config(100)
	c.PlainChecksum = true
	ours := m.start(c)
	ours.await(vrrp.Backup)
	ours.await(vrrp.Active)
	c.Priority = 99
	s.keepalived(c, "")
	eventually(t, "keepalived takes itself for the only one", func() bool { return s.has(vip) })
	c.Priority, c.PlainChecksum = 100, false
	if err := ours.Reconfigure(c); err != nil {
		t.Fatal(err)
	}
	eventually(t, "keepalived follows us", func() bool { return !s.has(vip) })
}
