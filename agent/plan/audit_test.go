// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

var (
	api   = ipvs.ServiceKey{Address: vip6, Port: 443, Protocol: ipvs.TCP}
	proxy = ipvs.MarkKey(100, ipvs.IPv4)
)

// threeServices is a director with the services web, api and proxy, at rest.
func threeServices(t *testing.T) *director {
	t.Helper()
	d := newDirector(t, nil)
	d.want(wrr(tomcat1, tomcat2))
	d.want(service(ipvs.Service{Key: api, Scheduler: "lc"}, ipvs.Destination{Address: vip6.Next(), Port: 443, Weight: 1}))
	d.want(service(ipvs.Service{Key: proxy, Scheduler: "dh"}, tomcat1))
	d.pass()
	return d
}

func TestAnAuditOfAnUntouchedTableFindsNothing(t *testing.T) {
	d := threeServices(t)
	for range 2 {
		if changed := d.round(); len(changed) > 0 || d.Due() {
			t.Errorf("changed %v, due %v", changed, d.Due())
		}
	}
}

func TestAnAuditFindsExactlyWhatSomebodyElseHasChanged(t *testing.T) {
	stranger := ipvs.ServiceKey{Address: vip, Port: 9, Protocol: ipvs.UDP}
	for _, c := range []struct {
		name     string
		somebody plan.Operation
		changed  ipvs.ServiceKey
		repair   string
	}{
		{"a scheduler", &plan.UpdateService{Service: ipvs.Service{Key: api, Scheduler: "rr"}}, api, "ipvsadm -E -t [2001:db8::10]:443 -s lc\n"},
		{"a weight", &plan.UpdateDestination{Service: web, Destination: realServer("192.0.2.111", 0)}, web, "ipvsadm -e -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 3\n"},
		{"a real server too many", &plan.AddDestination{Service: proxy, Destination: tomcat2}, proxy, "ipvsadm -d -f 100 -r 192.0.2.115:8080\n"},
		{"a real server too few", &plan.DeleteDestination{Service: web, Destination: tomcat2.Key()}, web, "ipvsadm -a -t 192.0.2.10:8080 -r 192.0.2.115:8080 -g -w 3\n"},
		{"a service too few", &plan.DeleteService{Service: proxy}, proxy, "ipvsadm -A -f 100 -s dh\nipvsadm -a -f 100 -r 192.0.2.111:8080 -g -w 3\n"},
		{"a service too many", &plan.AddService{Service: ipvs.Service{Key: stranger, Scheduler: "rr"}}, stranger, "ipvsadm -D -u 192.0.2.10:9\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := threeServices(t)
			d.somebody(c.somebody)
			if changed := d.round(); !slices.Equal(changed, []ipvs.ServiceKey{c.changed}) {
				t.Errorf("changed %v, want %v", changed, c.changed)
			}
			expect(t, d.pass(), c.repair)
			if changed := d.round(); len(changed) > 0 || d.Due() {
				t.Errorf("after the repair: changed %v, due %v", changed, d.Due())
			}
		})
	}
}

func TestAnAuditLeavesTheServicesOfOthersAlone(t *testing.T) {
	d := threeServices(t)
	d.somebody(
		&plan.AddService{Service: ipvs.Service{Key: ipvs.MarkKey(7, ipvs.IPv4), Scheduler: "rr"}},
		&plan.AddDestination{Service: ipvs.MarkKey(7, ipvs.IPv4), Destination: tomcat1},
	)
	if changed := d.round(); len(changed) > 0 || d.Due() {
		t.Errorf("changed %v, due %v", changed, d.Due())
	}
}

func TestAServiceThatIsNotReadInARoundHasToBeReadByName(t *testing.T) {
	d := threeServices(t)
	d.want(service(ipvs.Service{Key: ipvs.MarkKey(102, ipvs.IPv4), Scheduler: "rr"})) // not there yet
	d.BeginRound()
	if unseen := d.Unseen(); !slices.Equal(unseen, []ipvs.ServiceKey{web, api, proxy}) {
		t.Errorf("at the start of a round %v are unseen", unseen)
	}
	d.Learn([]ipvs.ServiceKey{api}, d.read([]ipvs.ServiceKey{api}), d.now)
	// What comes or changes during the round is read back, and so is seen.
	d.want(wrr(tomcat2))
	d.want(service(ipvs.Service{Key: ipvs.MarkKey(101, ipvs.IPv4), Scheduler: "rr"}))
	d.pass()
	if unseen := d.Unseen(); !slices.Equal(unseen, []ipvs.ServiceKey{proxy}) {
		t.Errorf("%v are unseen, want %v", unseen, proxy)
	}
}

func TestNobodyIsBlamedForWhatTheDirectorItselfDid(t *testing.T) {
	d := threeServices(t)
	d.want(wrr(tomcat2))
	operations, keys := d.Plan(d.now, unbounded)
	d.somebody(operations...)
	d.Distrust(keys)
	if changed := d.round(); len(changed) > 0 {
		t.Errorf("changed %v", changed)
	}
	expect(t, d.pass(), "")
	if len(d.Unsettled()) > 0 {
		t.Errorf("unsettled %v", d.Unsettled())
	}
}
