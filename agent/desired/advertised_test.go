// SPDX-License-Identifier: Apache-2.0

package desired_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// addresses is a list in words.
func addresses(text string) (list []v1alpha1.IPAddress) {
	for _, field := range strings.Fields(text) {
		list = append(list, v1alpha1.IPAddress(field))
	}
	return list
}

func TestAListOfItsOwnIsAdvertisedWhateverTheVirtualIPsAre(t *testing.T) {
	for _, c := range []struct {
		name, carried, pinned           string
		advertised, riding, onInterface string
	}{
		{"the same", "192.0.2.10 192.0.2.11", "192.0.2.11 192.0.2.10", "192.0.2.10 192.0.2.11", "", "192.0.2.10 192.0.2.11"},
		{"one more came", "192.0.2.10 192.0.2.11 192.0.2.12", "192.0.2.10 192.0.2.11", "192.0.2.10 192.0.2.11", "192.0.2.12", "192.0.2.10 192.0.2.11 192.0.2.12"},
		{"one went", "192.0.2.11", "192.0.2.10 192.0.2.11", "192.0.2.10 192.0.2.11", "", "192.0.2.11"},
		{"none of them", "192.0.2.12", "192.0.2.10", "192.0.2.10", "192.0.2.12", "192.0.2.12"},
		{"IPv6 rides along", "192.0.2.10 2001:db8::10", "192.0.2.10", "192.0.2.10", "2001:db8::10", "192.0.2.10 2001:db8::10"},
		{"IPv6", "2001:db8::10 2001:db8::11", "2001:db8::10", "fe80::200:5eff:fe00:242 2001:db8::10", "2001:db8::11", "fe80::200:5eff:fe00:242 2001:db8::10 2001:db8::11"},
		{"IPv6 with a link-local address of the peer's", "2001:db8::10", "2001:db8::10 fe80::1", "fe80::1 2001:db8::10", "", "fe80::1 2001:db8::10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := edge()
			compiled := &in.Node.Spec.DirectorGroups[0].VirtualRouters[0]
			compiled.Version, compiled.Authentication = 3, nil
			compiled.Addresses, compiled.AdvertisedAddresses = addresses(c.carried), addresses(c.pinned)
			router := build(t, in).Groups[0].Routers[0]
			for what, lists := range map[string][2]string{
				"advertised":       {fmt.Sprint(router.Config.Addresses), c.advertised},
				"riding along":     {fmt.Sprint(router.Unadvertised), c.riding},
				"on the interface": {fmt.Sprint(router.Addresses()), c.onInterface},
			} {
				if want := "[" + lists[1] + "]"; lists[0] != want {
					t.Errorf("%s: %s, want %s", what, lists[0], want)
				}
			}
		})
	}
}

func TestAListOfTheWrongFamilyIsRefused(t *testing.T) {
	for _, list := range []string{"2001:db8::10", "192.0.2.10 2001:db8::10", "192.0.2.300"} {
		in := edge()
		in.Node.Spec.DirectorGroups[0].VirtualRouters[0].AdvertisedAddresses = addresses(list)
		_, problems := in.build()
		wantProblem(t, problems, v1alpha1.ProblemInvalid, "", "address")
	}
}

// What an agent that starts while the API server is away does not find in its checkpoint, it does differently from the others.
func TestARouterComesBackWholeFromTheCheckpoint(t *testing.T) {
	ip := func(text string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(text)} }
	router := desired.Router{
		Interface: "eth0", MoveTogether: "nat", Lowered: "HandOver", Closed: true, Secret: "edge-vrrp", Unadvertised: ip("2001:db8::10"), Uncarried: ip("192.0.2.10"),
		Config: vrrp.Config{
			Version: vrrp.Version3, VRID: 66, Priority: 100, Interval: time.Second, Preempt: true, PreemptDelay: time.Minute, Waits: true,
			Addresses: ip("192.0.2.10"), Peers: ip("198.51.100.2"), PlainChecksum: true, VirtualMAC: true,
			Announcements: vrrp.Announcements{Repeat: 1, Delay: time.Second, Refresh: time.Hour},
		},
	}
	elsewhere := map[string]bool{"Password": true, "Source": true} // in the Secret's part, and on the interface
	config := reflect.ValueOf(router.Config)
	for i := range config.NumField() {
		if name := config.Type().Field(i).Name; config.Field(i).IsZero() && !elsewhere[name] {
			t.Errorf("this test does not set %s", name)
		}
	}
	for i, whole := 0, reflect.ValueOf(router); i < whole.NumField(); i++ {
		if whole.Field(i).IsZero() {
			t.Errorf("this test does not set %s", whole.Type().Field(i).Name)
		}
	}
	text, err := json.Marshal(router)
	if err != nil {
		t.Fatal(err)
	}
	var back desired.Router
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, router) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, back, router)
	}
}
