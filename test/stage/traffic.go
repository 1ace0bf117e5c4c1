// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

// Dial connects from a host to an address and port.
func (s *Stage) Dial(host, target string) traffic.Dial {
	return s.dial(host, traffic.DialTCP(target))
}

// firstFreshPort begins the client ports of connections that must be new to IPVS: below the ephemeral ports
// (net.ipv4.ip_local_port_range), which polls use over and over.
const firstFreshPort = 10000

// DialFresh connects from a client port that was never used before. IPVS knows a connection by its ports, for up to 15
// minutes after the last packet, and schedules only what it does not know.
func (s *Stage) DialFresh(host, target string) traffic.Dial {
	return s.DialFreshFrom(host, netip.Addr{}, target)
}

// DialFreshFrom does so from one of the host's addresses.
func (s *Stage) DialFreshFrom(host string, source netip.Addr, target string) traffic.Dial {
	return func(ctx context.Context) (net.Conn, error) {
		local := netip.AddrPortFrom(source, firstFreshPort+uint16(s.fresh.Add(1)))
		dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(local)}
		return s.dial(host, func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", target) })(ctx)
	}
}

func (s *Stage) dial(host string, dial traffic.Dial) traffic.Dial {
	return func(ctx context.Context) (conn net.Conn, err error) {
		err = s.hosts[host].Do(func() error {
			conn, err = dial(ctx)
			return err
		})
		return conn, err
	}
}

// Spread makes connections and counts who answered. One that fails is an error.
func Spread(ctx context.Context, dial traffic.Dial, connections int) (map[string]int, error) {
	answers := map[string]int{}
	poll := traffic.Poll{Dial: dial, Every: 10 * time.Millisecond, Timeout: 5 * time.Second, Count: connections}
	var failed error
	err := poll.Run(ctx, func(try traffic.Try) {
		if try.Failure != "" {
			failed = fmt.Errorf("connection %d: %s", try.Number, try.Error)
			return
		}
		answers[try.Answer]++
	})
	if err == nil {
		err = failed
	}
	return answers, err
}

// Counts says who answered how often.
func Counts(answers map[string]int) string {
	parts := make([]string, 0, len(answers))
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, answers[name]))
	}
	return strings.Join(parts, ", ")
}
