// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// kinds are the stories of each.
var kinds = []struct {
	name    string
	stories func(*testing.T) []story
}{
	{"tcp", tcpStories}, {"http", httpStories}, {"https", httpsStories}, {"http2", http2Stories}, {"tls", tlsStories}, {"grpc", grpcStories},
	{"smtp", smtpStories}, {"dns", dnsStories}, {"udp", udpStories}, {"ping", pingStories},
}

// All real servers of all stories are checked at the same time, with one whose check does not end before all the others have been told.
func TestCheckThatHangsHoldsNoOther(t *testing.T) {
	var others []story
	for _, kind := range kinds {
		for _, s := range kind.stories(t) {
			s.name = kind.name + ": " + s.name
			others = append(others, s)
		}
	}
	hangs := story{"hangs", check.TCP{}, netip.AddrPortFrom(blackHole, webPort), "", health.MaxTimeout}
	told := judge(t, append(slices.Clone(others), hangs), len(others))
	for _, s := range others {
		t.Run(s.name, func(t *testing.T) { s.compare(t, told) })
	}
	if _, ended := told[hangs.target()]; ended {
		t.Error("the check that hangs has ended")
	}
}
