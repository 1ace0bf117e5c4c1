// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"net/netip"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func TestChecksOfFewPacketsAreTakenOver(t *testing.T) {
	for _, tc := range []struct {
		change func(*v1alpha1.CompiledHealthCheck)
		want   check.Check
	}{
		{func(c *v1alpha1.CompiledHealthCheck) {
			c.UDP = &v1alpha1.CompiledUDPCheck{PayloadHex: "0a", AnswerHex: "0b.."}
		}, check.UDP{PayloadHex: "0a", AnswerHex: "0b.."}},
		{func(c *v1alpha1.CompiledHealthCheck) { c.UDP = &v1alpha1.CompiledUDPCheck{AnswerRegex: "ok"} }, check.UDP{AnswerRegex: "ok"}},
		{func(c *v1alpha1.CompiledHealthCheck) { c.SMTP = &v1alpha1.CompiledSMTPCheck{Helo: "d.example"} }, check.SMTP{Helo: "d.example"}},
		{func(c *v1alpha1.CompiledHealthCheck) {
			c.DNS = &v1alpha1.CompiledDNSCheck{Name: "a.example", Type: "A", Protocol: "TCP", Answer: "192.0.2.1"}
		}, check.DNS{Name: "a.example", Type: "A", Protocol: check.OverTCP, Answer: "192.0.2.1"}},
		{func(c *v1alpha1.CompiledHealthCheck) { c.Ping = &v1alpha1.PingCheck{} }, check.Ping{}},
	} {
		if got, err := parseCheck(compiledCheck(tc.change)); err != nil || got.Spec.Check != tc.want {
			t.Errorf("got %+v, %v, want %+v", got, err, tc.want)
		}
	}
}

func TestPingOfARealServerIsOneWhateverItsPorts(t *testing.T) {
	ping, err := parseCheck(compiledCheck(func(c *v1alpha1.CompiledHealthCheck) { c.Ping = &v1alpha1.PingCheck{} }))
	if err != nil {
		t.Fatal(err)
	}
	service := Service{Check: ping}
	address := netip.MustParseAddr("192.0.2.111")
	for _, port := range []uint16{0, 80, 443} {
		target, checked := service.Target(ipvs.Destination{Address: address, Port: port})
		if !checked || target.Address != netip.AddrPortFrom(address, 0) || target.Spec.Check != (check.Ping{}) {
			t.Errorf("port %d: %v, %v", port, target, checked)
		}
	}
}
