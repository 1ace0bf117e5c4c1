// SPDX-License-Identifier: Apache-2.0

package realserver_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/realserver"
)

func TestNodeOfARealServerTakesEachVirtualIPOnceAndAnswersNoARP(t *testing.T) {
	nine, ten := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("192.0.2.10")
	virtualIPs := []netip.Addr{ten, nine, ten}
	setup := realserver.For(virtualIPs)

	want := []netip.Prefix{netip.MustParsePrefix("192.0.2.9/32"), netip.MustParsePrefix("192.0.2.10/32")}
	if !slices.Equal(setup.Addresses, want) {
		t.Errorf("addresses %v, want %v", setup.Addresses, want)
	}
	if !slices.Equal(virtualIPs, []netip.Addr{ten, nine, ten}) {
		t.Errorf("the argument became %v", virtualIPs)
	}
	// The LVS guide's script for a real server writes these four.
	guide := map[string]string{
		"net.ipv4.conf.lo.arp_ignore":    "1",
		"net.ipv4.conf.lo.arp_announce":  "2",
		"net.ipv4.conf.all.arp_ignore":   "1",
		"net.ipv4.conf.all.arp_announce": "2",
	}
	for _, sysctl := range setup.Sysctls {
		if guide[sysctl.Name] != sysctl.Value {
			t.Errorf("%s=%s, the guide has %q", sysctl.Name, sysctl.Value, guide[sysctl.Name])
		}
		delete(guide, sysctl.Name)
	}
	if len(guide) > 0 {
		t.Errorf("left out: %v", guide)
	}
}

func TestNodeWithoutVirtualIPsIsLeftAlone(t *testing.T) {
	if setup := realserver.For(nil); setup.Addresses != nil || setup.Sysctls != nil {
		t.Errorf("a node that is no real server needs %+v", setup)
	}
}
