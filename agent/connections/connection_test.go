// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

func TestATemplateOfAMarkTellsItsMark(t *testing.T) {
	for name, c := range map[string]struct {
		connection Connection
		mark       uint32
	}{
		"IPv4":             {Connection{Template: true, Client: at("198.51.100.1:0"), Virtual: at("0.0.0.100:0")}, 100},
		"the highest":      {Connection{Template: true, Client: at("198.51.100.1:0"), Virtual: at("255.255.255.255:0")}, 1<<32 - 1},
		"IPv6":             {Connection{Template: true, Client: at("[2001:db8::1]:0"), Virtual: at("[0:64::]:0")}, 100},
		"of an address":    {Connection{Template: true, Protocol: ipvs.TCP, Virtual: at("198.51.100.10:443")}, 0},
		"not of templates": {Connection{Protocol: ipvs.TCP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:443")}, 0},
	} {
		if got := c.connection.Mark(); got != c.mark {
			t.Errorf("%s: mark %d, want %d", name, got, c.mark)
		}
	}
}

func TestWhatTheTableDoesNotShowWholeStaysHere(t *testing.T) {
	web := Connection{Protocol: ipvs.TCP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:443"), RealServer: at("192.0.2.11:443"), State: 1}
	ftp, waiting, mixed, gone := web, web, web, web
	ftp.Virtual = at("198.51.100.10:21")
	waiting.Client = at("198.51.100.1:0")
	mixed.RealServer = at("[2001:db8::b]:443")
	gone.Template, gone.Client, gone.Virtual, gone.RealServer = true, at("198.51.100.1:0"), at("198.51.100.10:65535"), at("192.0.2.11:65535")
	template := gone
	template.Virtual, template.RealServer = at("198.51.100.10:21"), at("192.0.2.11:21")
	udp := ftp
	udp.Protocol = ipvs.UDP
	for name, c := range map[string]struct {
		connection Connection
		method     ipvs.Method
		portable   bool
	}{
		"web":                                  {web, ipvs.Masquerade, true},
		"FTP whose numbers may be shifted":     {ftp, ipvs.Masquerade, false},
		"FTP that passes untouched":            {ftp, ipvs.DirectRoute, true},
		"UDP to port 21":                       {udp, ipvs.Masquerade, true},
		"an expected connection":               {waiting, ipvs.Masquerade, false},
		"a real server of the other family":    {mixed, ipvs.Tunnelling, false},
		"a template":                           {template, ipvs.Masquerade, true},
		"a template whose real server is gone": {gone, ipvs.DirectRoute, false},
	} {
		if got := c.connection.Portable(c.method); got != c.portable {
			t.Errorf("%s: portable %v", name, got)
		}
	}
}
