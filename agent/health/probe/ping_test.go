// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func pinged(address string, timeout time.Duration) health.Target {
	return health.Target{
		Address: netip.AddrPortFrom(netip.MustParseAddr(address), 0),
		Spec:    health.Spec{Check: check.Ping{}, Interval: time.Second, Timeout: timeout},
	}
}

func TestHostsThatAnswerPingsPass(t *testing.T) {
	if !inNetwork(t) {
		return
	}
	for _, tc := range []struct {
		address, want string
		timeout       time.Duration
	}{
		{"127.0.0.7", "passed", time.Hour},
		{"::1", "passed", time.Hour},
		{"198.51.100.7", "no answer within 50ms", 50 * time.Millisecond},
		{"203.0.113.9", "a packet filter or a route on the director forbids the packet", time.Hour},
		{"192.0.2.7", "network unreachable: the director has no route to the real server", time.Hour},
	} {
		if got := text(makeOne(t, pinged(tc.address, tc.timeout))); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.address, got, tc.want)
		}
	}
}

func TestManyPingsDoNotMix(t *testing.T) {
	if !inNetwork(t) {
		return
	}
	pingMany(t, 4096)
}

// pingMany sends pings all at the same time, every other one to a host that does not answer.
func pingMany(t *testing.T, pings int) {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	began := time.Now()
	for place := range pings {
		address := fmt.Sprintf("127.0.%d.%d", place/200, 1+place%200)
		if place%2 == 1 {
			address = fmt.Sprintf("198.51.100.%d", 1+place/2%254)
		}
		p.Start(place, pinged(address, 3*time.Second))
	}
	take := func(odd int, want string) {
		for taken := 0; taken < pings/2; {
			results := p.Wait(began.Add(time.Minute))
			if len(results) == 0 && time.Since(began) > time.Minute {
				t.Fatalf("of %d pings with the result %q %d came", pings/2, want, taken)
			}
			for _, r := range results {
				taken++
				if r.Place%2 != odd || text(r.Err) != want {
					t.Fatalf("ping %d ended: %v", r.Place, r.Err)
				}
			}
		}
	}
	take(0, "passed")
	for place := 1; place < pings; place += 2 {
		p.End(place)
	}
	take(1, "no answer within 3s")
}

func TestPingWithoutTheCapabilityIsNoVerdict(t *testing.T) {
	if !inNetwork(t) {
		return
	}
	said := make(chan string)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with the goroutine
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var held [2]unix.CapUserData
		if err := unix.Capget(&header, &held[0]); err != nil {
			said <- err.Error()
			return
		}
		held[0].Effective &^= 1 << unix.CAP_NET_RAW
		if err := unix.Capset(&header, &held[0]); err != nil {
			said <- err.Error()
			return
		}
		said <- text(makeOne(t, pinged("127.0.0.1", time.Hour)))
	}()
	if got, want := <-said, "check not made: the agent lacks the capability CAP_NET_RAW, which a ping needs"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReasonOfAPacketThatIsForbiddenIsNotTheCapability(t *testing.T) {
	if got, want := echoReason(unix.EPERM).Error(), "a packet filter or a route on the director forbids the packet"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
