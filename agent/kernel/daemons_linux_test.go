// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// pass plans and carries out the daemons, and says whether there was something to do.
func (n node) pass(in *plan.In) bool {
	n.t.Helper()
	actual, err := n.k.Read(n.t.Context(), kernel.Query{Daemons: true})
	if err != nil || actual.DaemonsErr != nil {
		n.t.Fatal(err, actual.DaemonsErr)
	}
	in.Actual = actual
	operations := plan.Plan(*in).All()
	in.Started = plan.StartedNow(*in, operations)
	for _, failure := range n.k.Apply(n.t.Context(), operations) {
		n.t.Fatal(failure.Err)
	}
	return len(operations) > 0
}

func TestSyncDaemonsComeChangeAndGo(t *testing.T) {
	n := newDirector(t)
	n.connectToTheSubnet()
	// The one that the interface gives itself cannot be used before its detection of duplicates is over.
	n.run("ip address add fe80::114/64 dev eth0 nodad")
	in := plan.In{}
	for _, c := range []struct {
		wanted ipvs.Daemon
		shown  string
	}{
		{ipvs.Daemon{Interface: "eth0", ID: 66}, "sync daemon (mcast=eth0, syncid=66, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"},
		{
			ipvs.Daemon{Interface: "eth0", ID: 7, MaxLength: 1024, Group: netip.MustParseAddr("239.1.2.3"), Port: 9000, TTL: 2},
			"sync daemon (mcast=eth0, syncid=7, maxlen=1024, group=239.1.2.3, port=9000, ttl=2)",
		},
		{
			ipvs.Daemon{Interface: "eth0", ID: 7, MaxLength: 65487, Group: netip.MustParseAddr("ff02::81"), Port: 9000, TTL: 2},
			"sync daemon (mcast=eth0, syncid=7, maxlen=65487, group=ff02::81, port=9000, ttl=2)",
		},
	} {
		master, backup := c.wanted, c.wanted
		master.State, backup.State = ipvs.Master, ipvs.Backup
		in.Daemons = []ipvs.Daemon{master, backup}
		if !n.pass(&in) || n.pass(&in) {
			t.Errorf("%v: want one pass with something to do, and none after it; running %v", c.wanted, in.Actual.Daemons)
		}
		shown := n.run("ipvsadm -L --daemon")
		if !strings.Contains(shown, "master "+c.shown) || !strings.Contains(shown, "backup "+c.shown) {
			t.Errorf("ipvsadm shows %q, want master and backup %s", shown, c.shown)
		}
	}
	in.Daemons = nil
	if !n.pass(&in) || n.pass(&in) || len(in.Started) > 0 || strings.Contains(n.run("ipvsadm -L --daemon"), "sync daemon") {
		t.Errorf("daemons that are no longer wanted are left: %v, started %v", in.Actual.Daemons, in.Started)
	}
}

func TestSyncDaemonsOfOthersAreLeftAlone(t *testing.T) {
	n := newDirector(t)
	n.connectToTheSubnet()
	n.run("ipvsadm --start-daemon backup --mcast-interface eth0 --syncid 9")
	in := plan.In{}
	if n.pass(&in) {
		t.Error("a daemon of somebody else was touched though none is wanted")
	}
	in.Daemons = []ipvs.Daemon{{State: ipvs.Backup, Interface: "eth0", ID: 66}}
	if n.pass(&in) || !slices.Equal(plan.ForeignDaemons(in), in.Actual.Daemons) {
		t.Errorf("a daemon of somebody else was touched, or not told: %v", in.Actual.Daemons)
	}
	err := n.refused(&plan.StartDaemon{Daemon: in.Daemons[0]})
	if !errors.Is(err, unix.EEXIST) || !strings.Contains(err.Error(), "start the backup sync daemon on interface eth0") {
		t.Errorf("started over another: %v", err)
	}
	for range 2 {
		if failures := n.k.Apply(t.Context(), []plan.Operation{&plan.StopDaemon{State: ipvs.Backup}}); len(failures) > 0 {
			t.Errorf("stopped: %v", failures)
		}
	}
}

func TestASyncDaemonOnAnAbsentInterfaceNamesIt(t *testing.T) {
	n := newDirector(t)
	err := n.refused(&plan.StartDaemon{Daemon: ipvs.Daemon{State: ipvs.Master, Interface: "eth9", ID: 1}})
	if !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), "on interface eth9") {
		t.Errorf("on an absent interface: %v", err)
	}
}
