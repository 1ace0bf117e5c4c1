// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"context"
	"errors"
	"net/netip"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// pair starts both directors and waits until master is Active and brucelee follows it.
func pair(t *testing.T, a, b vrrp.Config) (master, brucelee *watched) {
	t.Helper()
	m, s := newLab(t)
	master = m.start(a)
	master.await(vrrp.Backup)
	master.await(vrrp.Active)
	brucelee = s.start(b)
	brucelee.await(vrrp.Backup)
	eventually(t, "brucelee hears master", func() bool { return brucelee.Stats().ActiveSource.String() == m.addr })
	return master, brucelee
}

func TestABackupTakesOverFromADeadActive(t *testing.T) {
	master, brucelee := pair(t, config(100), config(99))
	brucelee.steady(5 * unit)
	died := time.Now()
	master.kill()
	within(t, "takeover after a death", brucelee.await(vrrp.Active).Sub(died), 2*unit, 3*unit+skew(99, unit))
}

func TestAStoppedActiveHandsOver(t *testing.T) {
	master, brucelee := pair(t, config(100), config(99))
	begin := time.Now()
	master.stop()
	took := time.Since(begin)
	within(t, "takeover after priority 0", brucelee.await(vrrp.Active).Sub(begin), 0, skew(99, unit))
	within(t, "Stop", took, 0, skew(99, unit))
	select {
	case c := <-master.states:
		t.Errorf("Stop reported a transition to %s", c.state)
	default:
	}
	if master.State() != vrrp.Initialize {
		t.Errorf("after Stop the state is %s", master.State())
	}
	if err := master.Reconfigure(config(50)); !errors.Is(err, ErrStopped) {
		t.Errorf("Reconfigure after Stop: %v", err)
	}
	master.Announce([]netip.Addr{vip})
	master.stop() // once more is no error
}

func TestStoppingAloneGivesUpWithItsContext(t *testing.T) {
	m, _ := newLab(t)
	master := m.start(config(100))
	master.await(vrrp.Backup)
	master.await(vrrp.Active)
	ctx, cancel := context.WithTimeout(context.Background(), 4*unit)
	defer cancel()
	sent := master.Stats().Sent
	err := master.Stop(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no other director has become Active") {
		t.Errorf("Stop = %v", err)
	}
	if again := master.Stats().Sent - sent; again < 3 {
		t.Errorf("priority 0 was sent %d times, want it repeated each interval", again)
	}
}

func TestABackupStopsAtOnce(t *testing.T) {
	_, brucelee := pair(t, config(100), config(99))
	begin := time.Now()
	brucelee.stop()
	within(t, "Stop of a Backup", time.Since(begin), 0, 0)
}

func TestTheBetterDirectorPreempts(t *testing.T) {
	m, s := newLab(t)
	brucelee := s.start(config(99))
	brucelee.await(vrrp.Backup)
	brucelee.await(vrrp.Active)
	begin := time.Now()
	master := m.start(config(100))
	master.await(vrrp.Backup)
	within(t, "preemption", master.await(vrrp.Active).Sub(begin), unit, 3*unit+skew(100, unit))
	brucelee.await(vrrp.Backup)
	master.steady(5 * unit)
}

func TestWithoutPreemptionTheBetterDirectorWaits(t *testing.T) {
	m, s := newLab(t)
	brucelee := s.start(config(99))
	brucelee.await(vrrp.Backup)
	brucelee.await(vrrp.Active)
	c := config(100)
	c.Preempt = false
	master := m.start(c)
	master.await(vrrp.Backup)
	master.steady(8 * unit)
	c.Preempt = true
	if err := master.Reconfigure(c); err != nil {
		t.Fatal(err)
	}
	master.await(vrrp.Active)
	brucelee.await(vrrp.Backup)
}

func TestAResumedActiveIsActiveAtOnceAndYieldsToABetterOne(t *testing.T) {
	m, s := newLab(t)
	resume := func(o *Options) { o.Resume = true }
	brucelee := s.start(config(99), resume)
	brucelee.await(vrrp.Active)
	master := m.start(config(100), resume)
	master.await(vrrp.Active)
	brucelee.await(vrrp.Backup)
	master.steady(5 * unit)
}

func TestALostLinkIsAFaultAndItsReturnABeginning(t *testing.T) {
	master, brucelee := pair(t, config(100), config(99))
	master.host.ip("link set eth0 down")
	master.await(vrrp.Initialize)
	if err := master.Fault(); !errors.Is(err, errLinkDown) {
		t.Errorf("Fault = %v", err)
	}
	brucelee.await(vrrp.Active)
	master.host.ip("link set eth0 up")
	master.await(vrrp.Backup)
	master.await(vrrp.Active)
	brucelee.await(vrrp.Backup)
	if err := master.Fault(); err != nil {
		t.Errorf("the fault remains: %v", err)
	}
}

func TestALostAddressIsAFaultAndAnotherOneItsEnd(t *testing.T) {
	master, brucelee := pair(t, config(100), config(99))
	master.host.ip("addr del 192.0.2.114/24 dev eth0")
	lost := master.await(vrrp.Initialize)
	within(t, "takeover after the loss of the address", brucelee.await(vrrp.Active).Sub(lost), 0, 3*unit+skew(99, unit))
	if err := master.Fault(); !errors.Is(err, errNoAddress) {
		t.Errorf("Fault = %v", err)
	}
	master.host.ip("addr add 192.0.2.115/24 dev eth0")
	master.await(vrrp.Backup)
	master.await(vrrp.Active)
	brucelee.await(vrrp.Backup)
	eventually(t, "brucelee follows the new address", func() bool {
		return brucelee.Stats().ActiveSource == netip.MustParseAddr("192.0.2.115")
	})
}

func TestAnotherPrimaryAddressIsNoFault(t *testing.T) {
	master, brucelee := pair(t, config(100), config(99))
	master.host.ip("addr add 198.51.100.1/24 dev eth0")
	master.host.ip("addr del 192.0.2.114/24 dev eth0")
	eventually(t, "brucelee follows the new address", func() bool {
		return brucelee.Stats().ActiveSource == netip.MustParseAddr("198.51.100.1")
	})
	master.steady(5 * unit)
	brucelee.steady(0)
}

func TestAnInterfaceMayComeLaterAndComeAgain(t *testing.T) {
	m, _ := newLab(t)
	runner := m.start(config(100), func(o *Options) { o.Interface = "later0" })
	if runner.Fault() == nil || runner.State() != vrrp.Initialize {
		t.Fatalf("state %s, fault %v before the interface exists", runner.State(), runner.Fault())
	}
	for range 2 {
		m.ip("link add later0 type veth peer name later1")
		m.ip("link set later1 up")
		m.ip("addr add 198.51.100.1/24 dev later0")
		m.ip("link set later0 up")
		runner.await(vrrp.Backup)
		runner.await(vrrp.Active)
		m.ip("link del later0")
		runner.await(vrrp.Initialize)
	}
}

func TestAVirtualAddressOnTheInterfaceIsNotTheSource(t *testing.T) {
	m, s := newLab(t)
	m.ip("addr del 192.0.2.114/24 dev eth0")
	m.ip("addr add 192.0.2.200/32 dev eth0")
	m.ip("addr add 192.0.2.114/24 dev eth0")
	master := m.start(config(100), func(o *Options) { o.Resume = true })
	master.await(vrrp.Active)
	brucelee := s.start(config(99))
	eventually(t, "brucelee hears master", func() bool { return brucelee.Stats().ActiveSource.String() == m.addr })
}

func TestAnotherRoutersVirtualAddressIsNotTheSource(t *testing.T) {
	m, s := newLab(t)
	m.ip("addr del 192.0.2.114/24 dev eth0")
	m.ip("addr add 192.0.2.201/32 dev eth0 label eth0:lvs")
	m.ip("addr add 192.0.2.114/24 dev eth0")
	master := m.start(config(100), func(o *Options) { o.Resume = true })
	master.await(vrrp.Active)
	brucelee := s.start(config(99))
	eventually(t, "brucelee hears master", func() bool { return brucelee.Stats().ActiveSource.String() == m.addr })
}

func TestAnnounceTellsTheLinkOnceTheAddressIsThere(t *testing.T) {
	m, s := newLab(t)
	capture := exec.Command("ip", "netns", "exec", s.ns, "tcpdump", "-n", "-l", "-c", "5", "-i", "eth0", "arp and ether broadcast")
	out := &strings.Builder{}
	capture.Stdout = out
	ready, err := capture.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := capture.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = capture.Process.Kill() })
	if _, err := ready.Read(make([]byte, 1)); err != nil { // tcpdump says that it listens
		t.Fatal(err)
	}
	eventually(t, "tcpdump joins the link", func() bool {
		return strings.Contains(run(t, "ip", "netns", "exec", s.ns, "cat", "/proc/net/packet"), "0003")
	})
	master := m.start(config(100))
	master.Announce([]netip.Addr{vip}) // a Backup has nothing to announce
	master.await(vrrp.Backup)
	master.await(vrrp.Active)
	master.steady(2 * unit)
	if n := master.Stats().Announced; n != 0 {
		t.Errorf("%d announcements before the address is there", n)
	}
	master.Announce([]netip.Addr{vip})
	if err := capture.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "Request who-has 192.0.2.200 (ff:ff:ff:ff:ff:ff) tell 192.0.2.200, length 28"); n != 5 {
		t.Errorf("brucelee saw:\n%s", out)
	}
	if n := master.Stats().Announced; n != 5 {
		t.Errorf("%d announcements, want 5", n)
	}
}

func TestAWrongPasswordIsCountedAndHelpsNobody(t *testing.T) {
	m, s := newLab(t)
	c := config(100)
	c.Version, c.Interval, c.Password = vrrp.Version2, time.Second, vrrp.NewPassword("1111")
	master := m.start(c, func(o *Options) { o.Resume = true })
	master.await(vrrp.Active)
	c.Priority, c.Password = 101, vrrp.NewPassword("2222")
	s.start(c, func(o *Options) { o.Resume = true })
	eventually(t, "master discards", func() bool { return master.Stats().Discarded[vrrp.ErrAuthentication] > 0 })
	if s := master.Stats(); s.Received != 0 || s.Rivals != 0 || master.State() != vrrp.Active {
		t.Errorf("%s, %+v", master.State(), s)
	}
}

func TestTwoVirtualRoutersShareALink(t *testing.T) {
	m, s := newLab(t)
	other := config(200)
	other.VRID, other.Addresses = 67, []netip.Addr{netip.MustParseAddr("192.0.2.201")}
	first, second := m.start(config(100)), s.start(other)
	for _, r := range []*watched{first, second} {
		r.await(vrrp.Backup)
		r.await(vrrp.Active)
	}
	first.steady(5 * unit)
	if s := first.Stats(); s.Received != 0 || s.Discarded != [vrrp.DiscardLimit]uint64{} {
		t.Errorf("the other virtual router was taken for this one: %+v", s)
	}
	strangers := m.threads.Strangers("eth0")
	if len(strangers) != 1 || strangers[0].VRID != 67 || strangers[0].Source.String() != s.addr || strangers[0].Version != vrrp.Version3 {
		t.Errorf("strangers %+v, want router 67 of %s", strangers, s.addr)
	}
}

func TestTwoActivesAreCountedAndTheRightfulOneAnnouncesAgain(t *testing.T) {
	master, brucelee := pair(t, config(100), config(99))
	begin := time.Now()
	master.Announce([]netip.Addr{vip})
	eventually(t, "master announces", func() bool { return master.Stats().Announced == 5 })
	brucelee.kill()
	again := brucelee.host.start(config(99), func(o *Options) { o.Resume = true })
	again.await(vrrp.Active)
	again.await(vrrp.Backup)
	eventually(t, "master announces again, and once more after brucelee's farewell", func() bool { return master.Stats().Announced == 15 })
	if time.Since(begin) > 5*time.Second {
		t.Error("that was only the second burst of the first announcement")
	}
	if s := master.Stats(); s.Rivals != 2 {
		t.Errorf("%d rivals, want brucelee's first word and its farewell: %+v", s.Rivals, s)
	}
	master.steady(2 * unit)
}

func TestStartRefusesWhatCannotWork(t *testing.T) {
	_, err := NewThreads(nil).Start(Options{Interface: "eth0", Config: vrrp.Config{}})
	if err == nil || !strings.Contains(err.Error(), "start VRRP on eth0: VRRP version 0: want 2 or 3") {
		t.Errorf("Start = %v", err)
	}
	_, err = NewThreads(func() error { return errors.New("no such namespace") }).Start(Options{Interface: "eth0", Config: config(100)})
	if err == nil || !strings.Contains(err.Error(), "no such namespace") {
		t.Errorf("Start = %v", err)
	}
}

func TestATurnOfTheLoopAllocatesNothing(t *testing.T) {
	m, s := newLab(t)
	c := config(100)
	c.Interval = 10 * time.Millisecond
	losing := c
	losing.Priority = 1
	peer := s.start(losing)
	runtime.LockOSThread() // and never unlock: the thread is in the lab
	if err := m.enter(); err != nil {
		t.Fatal(err)
	}
	instance, err := vrrp.NewInstance(c)
	if err != nil {
		t.Fatal(err)
	}
	mail, err := openMailbox()
	if err != nil {
		t.Fatal(err)
	}
	l := newThread("eth0", mail)
	defer l.close()
	if err := l.open(nil); err != nil {
		t.Fatal(err)
	}
	r := newRouter(l, Options{Interface: "eth0", Config: c, Resume: true}, instance)
	if err := l.adopt(time.Now(), r); err != nil {
		t.Fatal(err)
	}
	counters := r.counters
	peer.await(vrrp.Backup)
	turn := func() {
		l.wait()
		l.turn(time.Now())
	}
	r.addressesReady(time.Now(), []netip.Addr{vip})
	l.setTimers()
	if n := testing.AllocsPerRun(100, turn); n != 0 {
		t.Errorf("%v allocations a turn as Active", n)
	}
	before := counters.received.Load()
	rival := c
	rival.Priority = 200
	if err := peer.Reconfigure(rival); err != nil {
		t.Fatal(err)
	}
	for giveUp := time.Now().Add(patience); r.instance.State() == vrrp.Active && time.Now().Before(giveUp); {
		turn()
	}
	if n := testing.AllocsPerRun(100, turn); n != 0 {
		t.Errorf("%v allocations a turn as Backup", n)
	}
	if sent, received := counters.sent.Load(), counters.received.Load(); sent < 90 || received < before+90 {
		t.Errorf("only %d sent, %d received: the test measured nothing", sent, received)
	}
}

// A neighbour learns from an unsolicited neighbour advertisement where an address has gone (RFC 9568 section 6.4.2).
func TestTheLinkLearnsWhereAnIPv6AddressIs(t *testing.T) {
	m, s := newLab(t)
	address := netip.MustParseAddr("2001:db8::200")
	s.ip("addr add 2001:db8::112/64 dev eth0 nodad")
	// A wrong entry, as a director that has died leaves it.
	s.ip("neigh replace 2001:db8::200 lladdr 02:00:00:00:00:99 dev eth0 nud stale")
	c := config(100)
	c.Addresses = []netip.Addr{vrrp.LinkLocal(c.VRID), address}
	master := m.start(c, func(o *Options) { o.Resume = true })
	master.await(vrrp.Active)
	master.Announce(c.Addresses)
	hardware := strings.Fields(m.ip("-o link show dev eth0"))
	at := slices.Index(hardware, "link/ether")
	eventually(t, "brucelee knows master's hardware address", func() bool {
		return strings.Contains(s.ip("-6 neigh show 2001:db8::200 dev eth0"), hardware[at+1])
	})
	if n := master.Stats().Announced; n != 10 {
		t.Errorf("%d announcements, want 5 of each of 2 addresses", n)
	}
}

func TestManyRoutersShareAThread(t *testing.T) {
	m, s := newLab(t)
	var ours, theirs []*watched
	for i := range 20 {
		c := config(100)
		c.VRID, c.Addresses = uint8(100+i), []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(200 + i)})}
		ours = append(ours, m.start(c, func(o *Options) { o.Resume = true }))
		c.Priority = 99
		theirs = append(theirs, s.start(c))
	}
	for i := range ours {
		ours[i].await(vrrp.Active)
		theirs[i].await(vrrp.Backup)
		eventually(t, "the backup hears its Active", func() bool { return theirs[i].Stats().ActiveSource.String() == m.addr })
	}
	theirs[0].steady(4 * unit)
	for i := range ours {
		if i%2 == 0 {
			ours[i].stop()
		}
	}
	for i := range ours {
		if i%2 == 0 {
			theirs[i].await(vrrp.Active)
		} else if theirs[i].State() != vrrp.Backup {
			t.Errorf("router %d: %s, want Backup", 100+i, theirs[i].State())
		}
	}
	if _, err := m.threads.Start(Options{Interface: "eth0", Config: ours[1].router.config}); err == nil || !strings.Contains(err.Error(), "runs there already") {
		t.Errorf("a router id twice: %v", err)
	}
}
