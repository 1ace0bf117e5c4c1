// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/plan"
)

func TestClosedStories(t *testing.T) {
	both := []netip.Addr{vip, vip6}
	held := []plan.InterfaceAddress{{Interface: "eth0", Address: vip}}
	const (
		closes = "nft: closed to all but IPVS: 192.0.2.10\n"
		opens  = "nft: no virtual IP is closed\n"
		comes  = "ip address add 192.0.2.10/32 dev eth0 proto 76 label eth0:lvs\n"
		goes   = "ip address del 192.0.2.10/32 dev eth0\n"
	)
	for _, story := range []struct {
		name string
		in   plan.In
		want string
	}{
		{
			name: "a virtual IP is closed before the director becomes Active",
			in:   plan.In{Closed: both},
			want: "nft: closed to all but IPVS: 192.0.2.10 2001:db8::10\n" + between,
		},
		{
			name: "it is closed before it comes",
			in:   plan.In{Closed: both[:1], DirectorAddresses: held},
			want: closes + between + comes,
		},
		{
			name: "nothing is to be done at a failover",
			in:   plan.In{Closed: both[:1], DirectorAddresses: held, Actual: plan.Actual{Closed: both[:1]}},
			want: between + comes,
		},
		{
			name: "it is opened once it has gone",
			in:   plan.In{Actual: plan.Actual{Closed: both[:1], Addresses: []plan.Address{ours("eth0", vip)}}},
			want: goes + opens + between,
		},
		{
			name: "it is opened in place",
			in:   plan.In{DirectorAddresses: held, Actual: plan.Actual{Closed: both[:1], Addresses: []plan.Address{ours("eth0", vip)}}},
			want: opens + between,
		},
		{
			name: "a real server for direct routing accepts it",
			in: plan.In{Closed: both, RealServerAddresses: both[:1],
				Actual: plan.Actual{Closed: both[1:], Sysctls: silent(), Addresses: []plan.Address{ours("lo", vip)}}},
			want: between,
		},
		{
			name: "it is opened before it comes on lo",
			in:   plan.In{Closed: both[:1], RealServerAddresses: both[:1], Actual: plan.Actual{Closed: both[:1], Sysctls: silent()}},
			want: opens + "ip address add 192.0.2.10/32 dev lo proto 76 label lo:lvs\n" + between,
		},
		{
			name: "it leaves lo and is closed at once, with nothing left to do after",
			in:   plan.In{Closed: both[:1], Actual: plan.Actual{Addresses: []plan.Address{ours("lo", vip)}}},
			want: closes + between + "ip address del 192.0.2.10/32 dev lo\n",
		},
		{
			name: "a real server that somebody else set up accepts it",
			in:   plan.In{Closed: both[:1], Actual: plan.Actual{Addresses: []plan.Address{foreign("lo", "192.0.2.10/32")}}},
			want: between,
		},
		{
			name: "the director's own address stays open",
			in:   plan.In{Closed: both[:1], Actual: plan.Actual{Addresses: []plan.Address{foreign("eth1", "192.0.2.10/24")}}},
			want: between,
		},
		{
			name: "a virtual IP that somebody else left is closed",
			in:   plan.In{Closed: both[:1], Actual: plan.Actual{Addresses: []plan.Address{foreign("eth0", "192.0.2.10/32")}}},
			want: closes + between,
		},
		{
			name: "a table of ours that somebody has changed is written again",
			in:   plan.In{Closed: both[:1], Actual: plan.Actual{Closed: both[:1], ClosedTampered: true}},
			want: closes + between,
		},
		{
			name: "a table of ours that closes nothing goes",
			in:   plan.In{Actual: plan.Actual{ClosedTampered: true}},
			want: opens + between,
		},
		{
			name: "a table that cannot be read is left as it is, and keeps nothing else",
			in:   plan.In{Closed: both[:1], DirectorAddresses: held, Actual: plan.Actual{ClosedErr: errors.New("broken")}},
			want: between + comes,
		},
	} {
		t.Run(story.name, func(t *testing.T) {
			steps := plan.Plan(story.in)
			if diff := cmp.Diff(story.want, commands(steps.Before)+between+commands(steps.After)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestOfManyClosedAddressesAFewArePrinted(t *testing.T) {
	var addresses []netip.Addr
	for i := range 10 {
		addresses = append(addresses, netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", i)))
	}
	want := "nft: closed to all but IPVS: 192.0.2.0 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 and 2 more"
	if got := (&plan.SetClosed{Addresses: addresses}).String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
