// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// keepalived runs the real one on the host, as the tutorial configures it.
func (h *host) keepalived(c vrrp.Config, password string) *exec.Cmd {
	h.t.Helper()
	if _, err := exec.LookPath("keepalived"); err != nil {
		h.t.Skip("keepalived is not installed: apt-get install keepalived")
	}
	dir := h.t.TempDir()
	authentication := ""
	if password != "" {
		authentication = fmt.Sprintf("authentication {\n auth_type PASS\n auth_pass %s\n }", password)
	}
	text := fmt.Sprintf(`global_defs {
  router_id peer
  vrrp_version %s
}
vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id %d
  priority %d
  advert_int %g
  %s
  virtual_ipaddress {
    %s
  }
}
`, c.Version, c.VRID, c.Priority, c.Interval.Seconds(), authentication, vip)
	conf := filepath.Join(dir, "keepalived.conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
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
	eventually(h.t, "keepalived is BACKUP", func() bool {
		said, _ := os.ReadFile(log.Name())
		return strings.Contains(string(said), "Entering BACKUP STATE")
	})
	return cmd
}

// has reports whether the virtual address is on the host, keepalived's sign of being MASTER.
func (h *host) has() bool {
	return strings.Contains(h.ip("-4 addr show dev eth0"), vip.String()+"/32")
}

// Each way: keepalived takes over from us and we from keepalived, by priority 0, by preemption and by death.
func TestWeShareAVirtualRouterWithKeepalived(t *testing.T) {
	version2 := config(100)
	version2.Version, version2.Interval, version2.Password = vrrp.Version2, time.Second, vrrp.NewPassword("1111")
	version3 := config(100)
	version3.Interval = 500 * time.Millisecond
	for name, c := range map[string]struct {
		config   vrrp.Config
		password string
		unit     time.Duration // of the skew
	}{
		"version 2, 1 s, PASS": {version2, "1111", time.Second},
		"version 3, 500 ms":    {version3, "", 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, s := newLab(t)
			ours := m.start(c.config)
			ours.await(vrrp.Backup)
			ours.await(vrrp.Active)
			theirs := c.config
			theirs.Priority = 99
			keepalived := s.keepalived(theirs, c.password)
			ours.steady(4 * c.config.Interval)

			begin := time.Now()
			ours.stop()
			within(t, "keepalived takes over after our priority 0", time.Since(begin), 0, skew(99, c.unit))
			eventually(t, "keepalived has the address", s.has)

			begin = time.Now()
			ours = m.start(c.config)
			ours.await(vrrp.Backup)
			within(t, "we preempt keepalived", ours.await(vrrp.Active).Sub(begin), c.config.Interval, 3*c.config.Interval+skew(100, c.unit))
			eventually(t, "keepalived gave the address up", func() bool { return !s.has() })

			begin = time.Now()
			ours.kill()
			eventually(t, "keepalived takes over after our death", s.has)
			within(t, "keepalived takes over after our death", time.Since(begin), c.config.Interval, 3*c.config.Interval+skew(99, c.unit))

			low := c.config
			low.Priority = 50
			ours = m.start(low)
			ours.await(vrrp.Backup)
			ours.steady(4 * c.config.Interval)
			begin = time.Now()
			if err := keepalived.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			within(t, "we take over after keepalived's priority 0", ours.await(vrrp.Active).Sub(begin), 0, skew(50, c.unit))
			if got := ours.Stats().Discarded; got != [vrrp.DiscardLimit]uint64{} {
				t.Errorf("we discarded %v of keepalived's", got)
			}
		})
	}
}
