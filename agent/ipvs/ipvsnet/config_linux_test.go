// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ipvsnet_test

import (
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

func TestTimeoutsAreReadAsWritten(t *testing.T) {
	d := newDirector(t)
	if timeouts, err := d.Timeouts(); err != nil || timeouts != (ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300}) {
		t.Errorf("at first %+v, %v", timeouts, err)
	}
	for _, c := range []struct {
		set, want ipvs.Timeouts
		shown     string
	}{
		{ipvs.Timeouts{TCP: 1}, ipvs.Timeouts{TCP: 1, TCPFin: 120, UDP: 300}, "Timeout (tcp tcpfin udp): 1 120 300"},
		{ipvs.Timeouts{TCPFin: 2}, ipvs.Timeouts{TCP: 1, TCPFin: 2, UDP: 300}, "Timeout (tcp tcpfin udp): 1 2 300"},
		{ipvs.Timeouts{UDP: 3}, ipvs.Timeouts{TCP: 1, TCPFin: 2, UDP: 3}, "Timeout (tcp tcpfin udp): 1 2 3"},
		{ipvs.Timeouts{TCP: 86400, TCPFin: 60, UDP: 30}, ipvs.Timeouts{TCP: 86400, TCPFin: 60, UDP: 30}, "Timeout (tcp tcpfin udp): 86400 60 30"},
	} {
		d.change(func(r wire.Request, b []byte) []byte { return r.SetConfig(b, c.set) })
		if timeouts, err := d.Timeouts(); err != nil || timeouts != c.want {
			t.Errorf("%s: read as %s, %v", c.set, timeouts, err)
		}
		if shown := strings.TrimSpace(d.run("ipvsadm -L --timeout")); shown != c.shown {
			t.Errorf("%s: ipvsadm shows %q", c.set, shown)
		}
	}
	d.run("ipvsadm " + ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300}.String())
	if timeouts, err := d.Timeouts(); err != nil || timeouts.TCP != 900 {
		t.Errorf("set by ipvsadm, and read as %s, %v", timeouts, err)
	}
}

func TestInfoIsWhatIpvsadmShows(t *testing.T) {
	d := newDirector(t)
	info, err := d.Info()
	if err != nil {
		t.Fatal(err)
	}
	if shown := d.run("ipvsadm -L -n"); !strings.HasPrefix(shown, info.String()+"\n") {
		t.Errorf("read as %s, and ipvsadm shows %s", info, shown)
	}
}
