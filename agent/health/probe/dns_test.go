// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// nameServer answers over UDP and TCP at one address.
func nameServer(t *testing.T, handler dns.HandlerFunc) net.Addr {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	conn, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Skipf("the port is taken: %v", err)
	}
	for _, server := range []*dns.Server{{PacketConn: conn, Handler: handler}, {Listener: l, Handler: handler}} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() { _ = server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = server.Shutdown() })
	}
	return l.Addr()
}

func zone(w dns.ResponseWriter, asked *dns.Msg) {
	var m dns.Msg
	m.SetReply(asked)
	add := func(text string) {
		record, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, record)
	}
	_, udp := w.RemoteAddr().(*net.UDPAddr)
	switch asked.Question[0].Name {
	case ".":
		add(". 60 IN SOA a. b. 1 2 3 4 5")
	case "www.example.com.":
		add("www.example.com. 60 IN A 192.0.2.1")
	case "large.example.com.":
		if m.Truncated = udp; !udp {
			add("large.example.com. 60 IN A 192.0.2.1")
		}
	default:
		m.Rcode = dns.RcodeNameError
	}
	_ = w.WriteMsg(&m)
}

func TestNameServerIsJudgedByWhatItAnswers(t *testing.T) {
	server := nameServer(t, zone)
	for _, tc := range []struct {
		name, udp, tcp string
		check          check.DNS
	}{
		{"the root", "passed", "passed", check.DNS{Name: ".", Type: "SOA"}},
		{"a name", "passed", "passed", check.DNS{Name: "www.example.com", Type: "A", Answer: "192.0.2.1"}},
		{"another address", `no record A 192.0.2.2: the answer has A "192.0.2.1"`, `no record A 192.0.2.2: the answer has A "192.0.2.1"`,
			check.DNS{Name: "www.example.com", Type: "A", Answer: "192.0.2.2"}},
		{"a name that is not there", "RCODE NXDOMAIN: want NOERROR", "RCODE NXDOMAIN: want NOERROR", check.DNS{Name: "nowhere.example.com", Type: "A"}},
		{"a large answer", "the answer was cut to fit into a datagram, and has no record A: use protocol: TCP", "passed", check.DNS{Name: "large.example.com", Type: "A"}},
	} {
		for protocol, want := range map[string]string{check.OverUDP: tc.udp, check.OverTCP: tc.tcp} {
			t.Run(tc.name+" over "+protocol, func(t *testing.T) {
				tc.check.Protocol = protocol
				asked := target(server, time.Hour)
				asked.Spec.Check = tc.check
				if got := text(makeOne(t, asked)); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		}
	}
}

func TestNameServerThatIsNotThereFailsForAReason(t *testing.T) {
	refusing := listen(t, "127.0.0.1:0")
	_ = refusing.Close()
	silent := answers(t, "127.0.0.1:0", silence)
	deaf := listen(t, "127.0.0.1:0")
	for _, tc := range []struct {
		protocol, want string
		at             net.Addr
		timeout        time.Duration
	}{
		{check.OverUDP, "the real server refuses the port by ICMP (port unreachable): nothing listens on it", refusing.Addr(), time.Hour},
		{check.OverTCP, "connection refused", refusing.Addr(), time.Hour},
		{check.OverUDP, "no answer within 50ms", silent, 50 * time.Millisecond},
		{check.OverTCP, "connected, but no answer within 50ms", deaf.Addr(), 50 * time.Millisecond},
	} {
		asked := target(tc.at, tc.timeout)
		asked.Spec.Check = check.DNS{Name: ".", Type: "SOA", Protocol: tc.protocol}
		if got := text(makeOne(t, asked)); got != tc.want {
			t.Errorf("over %s: got %q, want %q", tc.protocol, got, tc.want)
		}
	}
}

func TestEveryQueryHasAnIDOfItsOwn(t *testing.T) {
	ids := make(chan uint16, 8)
	server := nameServer(t, func(w dns.ResponseWriter, asked *dns.Msg) {
		ids <- asked.Id
		zone(w, asked)
	})
	seen := map[uint16]bool{}
	for range 8 {
		asked := target(server, time.Hour)
		asked.Spec.Check = check.DNS{Name: ".", Type: "SOA", Protocol: check.OverUDP}
		if got := text(makeOne(t, asked)); got != "passed" {
			t.Fatal(got)
		}
		seen[<-ids] = true
	}
	if len(seen) < 6 {
		t.Errorf("8 queries had the ids %v", seen)
	}
}
