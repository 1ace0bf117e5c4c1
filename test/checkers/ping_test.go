// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"net/netip"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func pingStories(*testing.T) []story {
	host := func(address netip.Addr) netip.AddrPort { return netip.AddrPortFrom(address, 0) }
	return []story{
		{"the kernel", check.Ping{}, host(realServer), up, 0},
		{"the kernel by IPv6", check.Ping{}, host(realServer6), up, 0},
		{"a black hole", check.Ping{}, host(blackHole), noAnswer, short},
		{"nobody has the address", check.Ping{}, host(nobody), noAnswer, short},
		{"nobody has the IPv6 address", check.Ping{}, host(nobody6), noAnswer, short},
		{"a firewall rejects", check.Ping{}, host(rejecting), noAnswer, short},
		{"no route", check.Ping{}, host(netip.MustParseAddr("203.0.113.7")), "network unreachable: the director has no route to the real server", 0},
	}
}

func TestPingAgainstTheKernel(t *testing.T) {
	t.Parallel()
	play(t, pingStories(t))
}
