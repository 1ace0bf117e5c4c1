// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// syncing are both daemons on an interface, with what the kernel chooses left out.
func syncing(link string, id uint32) []ipvs.Daemon {
	return []ipvs.Daemon{{State: ipvs.Master, Interface: link, ID: id}, {State: ipvs.Backup, Interface: link, ID: id}}
}

// running is what the kernel makes of daemons.
func running(daemons []ipvs.Daemon) []ipvs.Daemon {
	daemons = slices.Clone(daemons)
	for i := range daemons {
		daemons[i].MaxLength, daemons[i].Port, daemons[i].TTL = 1472, 8848, 1
		daemons[i].Group = netip.MustParseAddr("224.0.0.81")
	}
	return daemons
}

func TestDaemonStories(t *testing.T) {
	const start66 = `ipvsadm --start-daemon master --mcast-interface eth0 --syncid 66
ipvsadm --start-daemon backup --mcast-interface eth0 --syncid 66
`
	const stop = `ipvsadm --stop-daemon master
ipvsadm --stop-daemon backup
`
	held := []plan.InterfaceAddress{{Interface: "eth0", Address: vip}}
	otherPort := running(syncing("eth0", 66))
	otherPort[1].Port = 9000
	for _, story := range []struct {
		name    string
		in      plan.In
		want    string
		foreign []ipvs.Daemon
	}{
		{
			name: "both start before the virtual IP comes",
			in:   plan.In{Daemons: syncing("eth0", 66), DirectorAddresses: held},
			want: between + start66 + "ip address add 192.0.2.10/32 dev eth0 proto 76 label eth0:lvs\n",
		},
		{
			name: "both stop once the virtual IP has gone",
			in: plan.In{Started: syncing("eth0", 66), Actual: plan.Actual{
				Daemons: running(syncing("eth0", 66)), Addresses: []plan.Address{ours("eth0", vip)},
			}},
			want: "ip address del 192.0.2.10/32 dev eth0\n" + stop + between,
		},
		{
			name: "what the kernel chose is no difference",
			in:   plan.In{Daemons: syncing("eth0", 66), Started: syncing("eth0", 66), Actual: plan.Actual{Daemons: running(syncing("eth0", 66))}},
			want: between,
		},
		{
			name: "a parameter changes by stop and start",
			in:   plan.In{Daemons: syncing("eth0", 66), Started: syncing("eth1", 66), Actual: plan.Actual{Daemons: running(syncing("eth1", 66))}},
			want: stop + between + start66,
		},
		{
			name: "one that somebody stopped starts again",
			in:   plan.In{Daemons: syncing("eth0", 66), Started: syncing("eth0", 66)},
			want: between + start66,
		},
		{
			name: "nobody's daemons are left alone",
			in:   plan.In{Actual: plan.Actual{Daemons: running(syncing("eth0", 66))}},
			want: between,
		},
		{
			name: "those of somebody else that are as wanted are taken as they are",
			in:   plan.In{Daemons: syncing("eth0", 66), Actual: plan.Actual{Daemons: running(syncing("eth0", 66))}},
			want: between,
		},
		{
			name:    "those of somebody else that are not as wanted stay, and are told",
			in:      plan.In{Daemons: running(syncing("eth0", 66)), Actual: plan.Actual{Daemons: otherPort}},
			want:    between,
			foreign: otherPort[1:],
		},
		{
			name:    "those that somebody else started in place of ours are no longer ours",
			in:      plan.In{Daemons: syncing("eth0", 66), Started: syncing("eth0", 66), Actual: plan.Actual{Daemons: running(syncing("eth0", 9))}},
			want:    between,
			foreign: running(syncing("eth0", 9)),
		},
		{
			name: "those that could not be read stay as they are",
			in:   plan.In{Daemons: syncing("eth0", 66), Started: syncing("eth1", 66), Actual: plan.Actual{DaemonsErr: errors.New("no answer")}},
			want: between,
		},
	} {
		t.Run(story.name, func(t *testing.T) {
			steps := plan.Plan(story.in)
			if diff := cmp.Diff(story.want, commands(steps.Before)+between+commands(steps.After)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if foreign := plan.ForeignDaemons(story.in); !slices.Equal(foreign, story.foreign) {
				t.Errorf("foreign %v, want %v", foreign, story.foreign)
			}
		})
	}
}

// pass plans and carries out, and says whether there was something to do.
func pass(t *testing.T, k *kerneltest.Kernel, in *plan.In) bool {
	t.Helper()
	actual, err := k.Read(t.Context(), kernel.Query{Daemons: true})
	if err != nil {
		t.Fatal(err)
	}
	in.Actual = actual
	operations := plan.Plan(*in).All()
	in.Started = plan.StartedNow(*in, operations)
	for _, failure := range k.Apply(t.Context(), operations) {
		t.Fatal(failure.Err)
	}
	return len(operations) > 0
}

func TestDaemonsComeChangeAndGo(t *testing.T) {
	k := kerneltest.New("eth0", "eth1")
	in := plan.In{}
	for _, wanted := range [][]ipvs.Daemon{syncing("eth0", 66), syncing("eth1", 66), syncing("eth1", 7), nil} {
		in.Daemons = wanted
		if !pass(t, k, &in) || pass(t, k, &in) {
			t.Fatalf("%v: want one pass with something to do, and none after it", wanted)
		}
		if !slices.Equal(in.Started, wanted) || !slices.Equal(in.Actual.Daemons, running(wanted)) {
			t.Errorf("%v: started %v, running %v", wanted, in.Started, in.Actual.Daemons)
		}
	}
	k.Preset(nil, plan.Actual{Daemons: running(syncing("eth0", 66))})
	if pass(t, k, &in) {
		t.Error("daemons that somebody else started after ours had gone were touched")
	}
}
