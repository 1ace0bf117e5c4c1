// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// answers is a server that answers each datagram with what reply makes of it; nil: it says nothing.
func answers(t *testing.T, address string, reply func(datagram []byte) []byte) net.Addr {
	t.Helper()
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Skipf("this machine has no %s: %v", address, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if said := reply(buffer[:n]); said != nil {
				_, _ = conn.WriteTo(said, from)
			}
		}
	}()
	return conn.LocalAddr()
}

func echo(datagram []byte) []byte { return append([]byte{}, datagram...) }

func silence([]byte) []byte { return nil }

func checkUDP(t *testing.T, address net.Addr, timeout time.Duration, c check.UDP) string {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	asked := target(address, timeout)
	asked.Spec.Check = c
	return text(makeOne(t, asked))
}

func TestDatagramsAreJudgedByTheirAnswer(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		check      check.UDP
	}{
		{"any answer", "passed", check.UDP{PayloadHex: "70696e67"}},
		{"an empty one", "passed", check.UDP{AnswerRegex: "^$"}},
		{"an expression", "passed", check.UDP{PayloadHex: "70696e67", AnswerRegex: "^ping$"}},
		{"a beginning", "passed", check.UDP{PayloadHex: "70696e67", AnswerHex: "70..6e"}},
		{"another answer", `the answer does not match ^pong: it begins with "ping"`, check.UDP{PayloadHex: "70696e67", AnswerRegex: "^pong"}},
		{"another beginning", "the answer does not begin with 7100: it begins with 70696e67", check.UDP{PayloadHex: "70696e67", AnswerHex: "7100"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
				// It would last an hour if it took silence for the answer.
				if got := checkUDP(t, answers(t, address, echo), time.Hour, tc.check); got != tc.want {
					t.Errorf("%s: got %q, want %q", address, got, tc.want)
				}
			}
		})
	}
}

func TestLongestDatagramIsJudged(t *testing.T) {
	longest := answers(t, "127.0.0.1:0", func([]byte) []byte { return append(make([]byte, 65506), 'z') })
	if got := checkUDP(t, longest, time.Hour, check.UDP{AnswerRegex: "z$"}); got != "passed" {
		t.Error(got)
	}
}

func TestSilencePassesUnlessAnAnswerIsDemanded(t *testing.T) {
	silent := answers(t, "127.0.0.1:0", silence)
	began := time.Now()
	if got := checkUDP(t, silent, 50*time.Millisecond, check.UDP{}); got != "passed" {
		t.Errorf("got %q", got)
	}
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("the check took %v, want as long as its timeout", took)
	}
	for _, c := range []check.UDP{{AnswerRegex: ".*"}, {AnswerHex: ".."}} {
		if got, want := checkUDP(t, silent, 50*time.Millisecond, c), "no answer within 50ms"; got != want {
			t.Errorf("%+v: got %q, want %q", c, got, want)
		}
	}
}

func TestPortThatNobodyListensOnIsRefusedByICMP(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		conn, err := net.ListenPacket("udp", address)
		if err != nil {
			t.Skipf("this machine has no %s: %v", address, err)
		}
		free := conn.LocalAddr()
		_ = conn.Close()
		const want = "the real server refuses the port by ICMP (port unreachable): nothing listens on it"
		if got := checkUDP(t, free, time.Hour, check.UDP{}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestHostThatIsGoneFromItsLinkFailsWhenTheKernelHasGivenItUp(t *testing.T) {
	if !inNetwork(t) {
		return
	}
	link := &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "nobody"}, Mode: netlink.TUNTAP_MODE_TAP, NonPersist: true, Queues: 1}
	if err := netlink.LinkAdd(link); err != nil {
		t.Skipf("this machine has no links of its own making: %v", err)
	}
	address, err := netlink.ParseAddr("192.0.2.1/24")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(netlink.AddrAdd(link, address), netlink.LinkSetUp(link)); err != nil {
		t.Fatal(err)
	}
	// It is given up after three tries, a second apart unless something else is said.
	if err := os.WriteFile("/proc/sys/net/ipv4/neigh/nobody/retrans_time_ms", []byte("10"), 0o644); err != nil {
		t.Skipf("sysctls cannot be written here: %v", err)
	}
	const want = "host unreachable: the real server does not answer on its link, or a router or a firewall on the way says so by ICMP"
	if got := checkUDP(t, net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.7:9")), time.Minute, check.UDP{}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDatagramOfSomebodyElseIsNoAnswer(t *testing.T) {
	strangers, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = strangers.Close() }()
	asked := make(chan netip.AddrPort, 1)
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go func() {
		if _, from, err := conn.ReadFromUDPAddrPort(make([]byte, 1)); err == nil {
			_, _ = strangers.WriteTo([]byte("wrong"), net.UDPAddrFromAddrPort(from))
			_, _ = conn.WriteToUDPAddrPort([]byte("right"), from)
			asked <- from
		}
	}()
	if got := checkUDP(t, conn.LocalAddr(), time.Hour, check.UDP{AnswerRegex: "^right$"}); got != "passed" {
		t.Error(got)
	}
	<-asked
}

func TestReasonsOfDatagramsAreInAnOperatorsWords(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EHOSTUNREACH: "host unreachable: the real server does not answer on its link, or a router or a firewall on the way says so by ICMP",
		syscall.EACCES:       "a packet filter or a route on the director forbids the packet",
		syscall.ENETUNREACH:  "network unreachable: the director has no route to the real server",
		syscall.EMFILE:       "check not made: the director is out of file descriptors",
	} {
		if got := datagramReason(errno).Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
