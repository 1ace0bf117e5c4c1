// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ipvsnet_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/ipvsnet"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// stop stops a sync daemon. The kernel does so, but does not answer, where the daemon's thread was started and has not run
// yet: kthread_stop says EINTR then, which netlink_rcv_skb takes for its own.
func (d director) stop(state ipvs.DaemonState) {
	d.t.Helper()
	err := d.Change(d.t.Context(), func(r wire.Request, b []byte) []byte { return r.DelDaemon(b, state) })
	if err != nil && !errors.Is(err, ipvsnet.ErrUnanswered) {
		d.t.Fatal(err)
	}
	daemons, err := d.Daemons()
	if err != nil || slices.ContainsFunc(daemons, func(daemon ipvs.Daemon) bool { return daemon.State == state }) {
		d.t.Fatalf("stopped %s, and read as %+v, %v", state, daemons, err)
	}
}

func TestSyncDaemonsAreReadAsWritten(t *testing.T) {
	d := newDirector(t)
	for _, c := range []struct {
		daemon, want ipvs.Daemon
		shown        string
	}{
		{
			ipvs.Daemon{State: ipvs.Master, Interface: "eth0"},
			ipvs.Daemon{State: ipvs.Master, Interface: "eth0", MaxLength: 1472, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1},
			"master sync daemon (mcast=eth0, syncid=0, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)",
		},
		{
			ipvs.Daemon{State: ipvs.Master, Interface: "eth0", ID: 255, MaxLength: 1000, Group: netip.MustParseAddr("239.1.2.3"), Port: 65535, TTL: 255},
			ipvs.Daemon{State: ipvs.Master, Interface: "eth0", ID: 255, MaxLength: 1000, Group: netip.MustParseAddr("239.1.2.3"), Port: 65535, TTL: 255},
			"master sync daemon (mcast=eth0, syncid=255, maxlen=1000, group=239.1.2.3, port=65535, ttl=255)",
		},
		{
			ipvs.Daemon{State: ipvs.Backup, Interface: "eth0", ID: 7, MaxLength: 1200, Group: netip.MustParseAddr("ff02::81"), Port: 9000, TTL: 2},
			ipvs.Daemon{State: ipvs.Backup, Interface: "eth0", ID: 7, MaxLength: 1200, Group: netip.MustParseAddr("ff02::81"), Port: 9000, TTL: 2},
			"backup sync daemon (mcast=eth0, syncid=7, maxlen=1200, group=ff02::81, port=9000, ttl=2)",
		},
	} {
		d.change(func(r wire.Request, b []byte) []byte { return r.NewDaemon(b, c.daemon) })
		if daemons, err := d.Daemons(); err != nil || !slices.Equal(daemons, []ipvs.Daemon{c.want}) {
			t.Errorf("%s is read as %+v, %v", c.daemon, daemons, err)
		}
		if shown := d.run("ipvsadm -L --daemon"); !strings.Contains(shown, c.shown) {
			t.Errorf("%s: ipvsadm shows %q, want %q", c.daemon, shown, c.shown)
		}
		again := d.Change(t.Context(), func(r wire.Request, b []byte) []byte { return r.NewDaemon(b, c.daemon) })
		if !errors.Is(again, unix.EEXIST) {
			t.Errorf("started twice: %v", again)
		}
		d.stop(c.daemon.State)
		if shown := d.run("ipvsadm -L --daemon"); strings.Contains(shown, "sync daemon") {
			t.Errorf("stopped, and ipvsadm shows %q", shown)
		}
	}
	absent := d.Change(t.Context(), func(r wire.Request, b []byte) []byte { return r.DelDaemon(b, ipvs.Master) })
	if !errors.Is(absent, unix.ESRCH) {
		t.Errorf("stopped twice: %v", absent)
	}
}

func TestIpvsadmStartsADaemonAsItPrints(t *testing.T) {
	d := newDirector(t)
	master := ipvs.Daemon{State: ipvs.Master, Interface: "eth0", ID: 3, MaxLength: 1400, Group: netip.MustParseAddr("239.0.0.9"), Port: 8000, TTL: 4}
	backup := ipvs.Daemon{State: ipvs.Backup, Interface: "eth1", ID: 4, MaxLength: 1401, Group: netip.MustParseAddr("ff02::9"), Port: 8001, TTL: 5}
	d.run("ipvsadm " + backup.String())
	d.run("ipvsadm " + master.String())
	if daemons, err := d.Daemons(); err != nil || !slices.Equal(daemons, []ipvs.Daemon{master, backup}) {
		t.Errorf("read as %+v, %v", daemons, err)
	}
	d.stop(ipvs.Master)
	d.stop(ipvs.Backup)
}

func TestMixedFamiliesAndASyncDaemonExcludeEachOther(t *testing.T) {
	d := newDirector(t)
	service := ipvs.Service{Key: key("192.0.2.10:80", ipvs.TCP), Scheduler: "wrr"}
	d.add(ipvs.Table{{Service: service}})
	master := func(r wire.Request, b []byte) []byte {
		return r.NewDaemon(b, ipvs.Daemon{State: ipvs.Master, Interface: "eth0"})
	}
	mixed := func(r wire.Request, b []byte) []byte {
		return r.NewDest(b, service.Key, destination("[2001:db8::21]:80", ipvs.Tunnelling, 1))
	}
	d.change(master)
	if err := d.Change(t.Context(), mixed); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a mixed family while a daemon runs: %v", err)
	}
	d.stop(ipvs.Master)
	d.change(mixed)
	if err := d.Change(t.Context(), master); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a daemon while there are mixed families: %v", err)
	}
}
