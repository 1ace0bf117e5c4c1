// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func tcpStories(*testing.T) []story {
	return slices.Concat([]story{
		{"nginx", check.TCP{}, at(webPort), up, 0},
		{"nginx by IPv6", check.TCP{}, netip.AddrPortFrom(realServer6, webPort), up, 0},
		{"nobody listens by IPv6", check.TCP{}, netip.AddrPortFrom(realServer6, unusedPort), refused, 0},
		{"nobody has the IPv6 address", check.TCP{}, netip.AddrPortFrom(nobody6, webPort), unreachable, 0},
	}, unconnected(check.TCP{}))
}

func TestTCPAgainstNginx(t *testing.T) {
	t.Parallel()
	play(t, tcpStories(t))
}
