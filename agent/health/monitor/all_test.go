// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

func TestAllShowsEveryRealServerByItsAddressAndThenByItsCheck(t *testing.T) {
	tell(t, 0, func(s *story) {
		byHTTP, slower := tutorial, tutorial
		byHTTP.Check = check.HTTP{Method: check.Get, Path: "/"}
		slower.Interval = time.Minute
		s.servers.set(server(2, tutorial), listens)
		s.Update(set{server(10, tutorial): 0, server(2, tutorial): 0}, nil)
		s.until(0)
		s.Update(set{server(10, byHTTP): 0, server(10, slower): 0}, nil)
		var got strings.Builder
		for target, status := range s.All() {
			fmt.Fprintf(&got, "%v %v since %v, every %v\n", target, status.State, status.Since.Sub(s.begun), target.Spec.Interval)
		}
		// The slower one goes on from what was known; the other check has proven nothing yet.
		const want = `tcp 192.0.2.2:8080 up since 0s, every 6s
http GET / 192.0.2.10:8080 unknown since 0s, every 6s
tcp 192.0.2.10:8080 down since 0s, every `
		if !strings.HasPrefix(got.String(), want) || strings.Count(got.String(), "\n") != 4 {
			t.Errorf("got\n%s\nwant\n%s6s and 1m0s", got.String(), want)
		}
	})
}

func TestAllShowsManyWhileTheyComeAndGo(t *testing.T) {
	tell(t, 0, func(s *story) {
		const n = 5000
		targets, add := make([]health.Target, n), set{}
		address := netip.MustParseAddr("2001:db8::1")
		for i := range targets {
			targets[i] = health.Target{Address: netip.AddrPortFrom(address, 80), Spec: tutorial}
			add[targets[i]] = monitor.AdoptUp
			address = address.Next()
		}
		s.Update(add, nil)
		seen, last := 0, netip.AddrPort{}
		for target := range s.All() {
			if seen > 0 && target.Address.Compare(last) <= 0 {
				t.Fatalf("%v comes after %v", target.Address, last)
			}
			seen, last = seen+1, target.Address
			if seen == n/2 { // the caller holds no lock
				s.Update(nil, targets[n-100:])
			}
		}
		if seen != n-100 {
			t.Errorf("%d are shown, want the %d that stay", seen, n-100)
		}
		for range s.All() {
			break
		}
	})
}
