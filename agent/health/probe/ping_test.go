// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// inside says that a process is the one that inNetwork started.
const inside = "LVS_TEST_IN_NETWORK"

// inNetwork runs the test that calls it once more, in a process with a network of its own, and says whether this is that process. There lo
// answers for 127.0.0.0/8 and ::1, what is sent to 198.51.100.0/24 gets lost, and a route forbids 203.0.113.9.
func inNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		again.Env = append(os.Environ(), inside+"=yes")
		again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		if os.Getuid() != 0 {
			again.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		var said bytes.Buffer
		again.Stdout, again.Stderr = &said, &said
		if err := again.Start(); err != nil {
			t.Skipf("a process with a network of its own is not allowed here: %v", err)
		}
		if err := again.Wait(); err != nil {
			t.Errorf("in a network of its own: %v", err)
		}
		t.Log(said.String())
		return false
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		t.Fatal(err)
	}
	for _, route := range []netlink.Route{
		{Dst: network(t, "198.51.100.0/24"), LinkIndex: lo.Attrs().Index, Scope: netlink.SCOPE_LINK},
		{Dst: network(t, "203.0.113.9/32"), Type: unix.RTN_PROHIBIT},
	} {
		if err := netlink.RouteAdd(&route); err != nil {
			t.Fatalf("add a route to %v: %v", route.Dst, err)
		}
	}
	return true
}

// The values of net.ipv4.ping_group_range that leave a ping a raw socket, as the kernel has it by default, and that allow it the other one.
const (
	rawSocket  = "1 0"
	icmpSocket = "0 0"
)

func setGroupsThatPing(t *testing.T, groups string) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte(groups), 0o644); err != nil {
		t.Skipf("sysctls cannot be written here: %v", err)
	}
}

func network(t *testing.T, text string) *net.IPNet {
	t.Helper()
	network, err := netlink.ParseIPNet(text)
	if err != nil {
		t.Fatal(err)
	}
	return network
}

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
	for _, groups := range []string{rawSocket, icmpSocket} {
		setGroupsThatPing(t, groups)
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
				t.Errorf("groups %s, %s: got %q, want %q", groups, tc.address, got, tc.want)
			}
		}
	}
}

func TestManyPingsDoNotMix(t *testing.T) {
	if !inNetwork(t) {
		return
	}
	setGroupsThatPing(t, rawSocket)
	pingMany(t, 200)
	setGroupsThatPing(t, icmpSocket)
	pingMany(t, 1000)
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
	setGroupsThatPing(t, rawSocket)
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
		said <- text(ping(1)(t.Context(), pinged("127.0.0.1", time.Hour)))
	}()
	if got, want := <-said, "check not made: the agent lacks the capability CAP_NET_RAW, which a ping needs"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReasonOfAPacketThatIsForbiddenIsNotTheCapability(t *testing.T) {
	forbidden := &net.OpError{Op: "write", Err: os.NewSyscallError("sendmsg", unix.EPERM)}
	if got, want := pingReason(forbidden).Error(), "a packet filter or a route on the director forbids the packet"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
