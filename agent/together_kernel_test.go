// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package agent

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netns"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/agent/vrrp/vrrpnet"
)

// Two directors, each a network namespace, with a link outside (eth0, 192.0.2.0/24) and one inside (eth1, 198.51.100.0/24). Needs root
// and iproute2.

const (
	// memberInterval is the interval of the routers, and togetherSlack what a busy or emulated machine may add to a timer.
	memberInterval = 200 * time.Millisecond
	togetherSlack  = 400 * time.Millisecond
)

var armedDirectors atomic.Int32

// armed is a director with two arms.
type armed struct {
	t       *testing.T
	ns      string
	routers [2]*vrrpnet.Runner
	states  chan armState
}

// armState is what one of its routers became.
type armState struct {
	link  int
	state vrrp.State
	at    time.Time
}

func command(t *testing.T, line string) {
	t.Helper()
	words := strings.Fields(line)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

func (d *armed) ip(line string) {
	d.t.Helper()
	command(d.t, "ip -n "+d.ns+" "+line)
}

// newArmed returns two directors on two switches, which live in a third namespace.
func newArmed(t *testing.T) [2]*armed {
	t.Helper()
	id := fmt.Sprintf("arms%d-%d", os.Getpid(), armedDirectors.Add(1))
	directors := [2]*armed{{t: t, ns: id + "a"}, {t: t, ns: id + "b"}}
	wire := &armed{t: t, ns: id + "s"}
	for _, d := range []*armed{wire, directors[0], directors[1]} {
		command(t, "ip netns add "+d.ns)
		t.Cleanup(func() { command(t, "ip netns del "+d.ns) })
	}
	for link, network := range []string{"192.0.2", "198.51.100"} {
		wire.ip(fmt.Sprintf("link add switch%d type bridge", link))
		wire.ip(fmt.Sprintf("link set switch%d up", link))
		for i, d := range directors {
			port := fmt.Sprintf("port%d-%d", link, i)
			command(t, fmt.Sprintf("ip link add %s netns %s type veth peer name eth%d netns %s", port, wire.ns, link, d.ns))
			wire.ip(fmt.Sprintf("link set %s master switch%d up", port, link))
			d.ip(fmt.Sprintf("addr add %s.%d/24 dev eth%d", network, 11+i, link))
			d.ip(fmt.Sprintf("link set eth%d up", link))
		}
	}
	return directors
}

// run starts the director's two routers, which move together.
func (d *armed) run(priority uint8, preempt bool) {
	d.t.Helper()
	d.states = make(chan armState, 1000)
	threads := vrrpnet.NewThreads(func() error {
		ns, err := netns.GetFromName(d.ns)
		if err != nil {
			return err
		}
		defer func() { _ = ns.Close() }()
		return netns.Set(ns)
	})
	start := startRouter(threads)
	set := newTogether(func() {}, slog.New(slog.DiscardHandler))
	go set.run(d.t.Context())
	var members []companion
	for link, vip := range []string{"192.0.2.200", "198.51.100.1"} {
		c := vrrp.Config{Version: vrrp.Version3, VRID: uint8(66 + link), Priority: priority, Interval: memberInterval, Preempt: preempt, Waits: true,
			Addresses: []netip.Addr{netip.MustParseAddr(vip)}}
		running, err := start(fmt.Sprintf("eth%d", link), c, false, RouterEvents{Transition: func(s vrrp.State) []netip.Addr {
			d.states <- armState{link, s, time.Now()}
			return nil
		}})
		if err != nil {
			d.t.Fatal(err)
		}
		d.routers[link] = running.(*vrrpnet.Runner) //nolint:forcetypeassert // startRouter has no others
		members = append(members, companion{running: running})
	}
	set.arrange(map[string][]companion{"nat": members})
}

// awaitBoth returns when both routers have become a state, for the first time from now on.
func (d *armed) awaitBoth(want vrrp.State) time.Time {
	d.t.Helper()
	var at [2]time.Time
	patience := time.After(10 * time.Second)
	for at[0].IsZero() || at[1].IsZero() {
		select {
		case s := <-d.states:
			if s.state == want {
				at[s.link] = s.at
			}
		case <-patience:
			d.t.Fatalf("%s: outside %s (%s), inside %s (%s), want both %s", d.ns, d.routers[0].State(), d.routers[0].Standing(),
				d.routers[1].State(), d.routers[1].Standing(), want)
		}
	}
	if at[0].After(at[1]) {
		return at[0]
	}
	return at[1]
}

// steady fails if a role moves within the duration.
func (d *armed) steady(t time.Duration) {
	d.t.Helper()
	select {
	case s := <-d.states:
		d.t.Errorf("%s became %s on eth%d", d.ns, s.state, s.link)
	case <-time.After(t):
	}
}

// downInterval is RFC 9568 section 6.1's Active_Down_Interval.
func downInterval(priority int) time.Duration {
	return 3*memberInterval + time.Duration(256-priority)*memberInterval/256
}

func inTime(t *testing.T, what string, took, bound time.Duration) {
	t.Helper()
	t.Logf("%s: %s (bound %s)", what, took.Round(100*time.Microsecond), bound)
	if took > bound+togetherSlack {
		t.Errorf("%s took %s, want at most %s", what, took, bound)
	}
}

func TestBothRolesLeaveADirectorThatLosesOneLinkAndComeBack(t *testing.T) {
	directors := newArmed(t)
	a, b := directors[0], directors[1]
	a.run(100, true)
	a.awaitBoth(vrrp.Active)
	b.run(99, true)
	b.awaitBoth(vrrp.Backup)
	b.steady(5 * memberInterval)

	cut := time.Now()
	a.ip("link set eth1 down")
	// The role outside is offered at once, and whoever resigns resigns everywhere.
	inTime(t, "both roles after the link inside was cut", b.awaitBoth(vrrp.Active).Sub(cut), memberInterval)
	if outside, inside := a.routers[0].State(), a.routers[1].State(); outside == vrrp.Active && a.routers[0].Standing() != vrrp.Waiting || inside != vrrp.Initialize {
		t.Errorf("outside %s, inside %s on the director that was cut off", outside, inside)
	}
	b.steady(8 * memberInterval)

	healed := time.Now()
	a.ip("link set eth1 up")
	inTime(t, "both roles back", a.awaitBoth(vrrp.Active).Sub(healed), downInterval(100))
	b.awaitBoth(vrrp.Backup)
	a.steady(5 * memberInterval)

	died := time.Now()
	a.ip("link set eth0 down")
	a.ip("link set eth1 down")
	inTime(t, "both roles after the director was cut off altogether", b.awaitBoth(vrrp.Active).Sub(died), downInterval(99))
	b.steady(5 * memberInterval)
}

func TestTheLastDirectorHoldsTheRoleOfTheLinkThatItHas(t *testing.T) {
	directors := newArmed(t)
	a, b := directors[0], directors[1]
	a.run(100, false)
	a.awaitBoth(vrrp.Active)
	a.ip("link set eth1 down")
	for until := time.Now().Add(2 * downInterval(1)); time.Now().Before(until); time.Sleep(memberInterval) {
		if got := a.routers[0].State(); got != vrrp.Active {
			t.Fatalf("outside %s, and nobody else is there", got)
		}
	}
	if got := a.routers[0].Standing(); got != vrrp.Holding {
		t.Errorf("outside it is %s after its offer", got)
	}
	// Another one comes. Without preemption it follows, until the role is offered again.
	b.run(50, false)
	b.awaitBoth(vrrp.Backup)
	a.routers[0].Yield()
	b.awaitBoth(vrrp.Active)
	a.ip("link set eth1 up")
	b.steady(8 * memberInterval)
}

// A link may lose everything without a fault: its switch is split. The roles stay where both can be.
func TestASplitLinkMovesNothing(t *testing.T) {
	directors := newArmed(t)
	a, b := directors[0], directors[1]
	a.run(100, true)
	a.awaitBoth(vrrp.Active)
	b.run(99, true)
	b.awaitBoth(vrrp.Backup)
	b.steady(2 * memberInterval)
	wire := &armed{t: t, ns: strings.TrimSuffix(a.ns, "a") + "s"}
	wire.ip("link set port1-1 nomaster")
	b.steady(12 * memberInterval)
	if got := b.routers[1].Standing(); got != vrrp.Wanting {
		t.Errorf("inside it is %s", got)
	}
	wire.ip("link set port1-1 master switch1")
	b.steady(8 * memberInterval)
	a.steady(0)
	if got := b.routers[1].Standing(); got != vrrp.Following {
		t.Errorf("inside it is %s after that", got)
	}
}
