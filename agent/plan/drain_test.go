// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

const (
	drainTime = 5 * time.Minute
	// settling is longer than a handshake takes: what has no connection for so long gets none any more.
	settling = 3 * time.Second
)

// drained is the service with a drain time.
func drained(wanted *plan.Wanted) *plan.Wanted {
	wanted.Drain = drainTime
	return wanted
}

const (
	quiet   = "ipvsadm -e -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 0\n"
	deleted = "ipvsadm -d -t 192.0.2.10:8080 -r 192.0.2.111:8080\n"
)

// draining is a director that has just let go of the first of its two real servers, which has this many connections.
func draining(t *testing.T, connections ipvs.Connections) *director {
	t.Helper()
	d := serving(t, drained(wrr(tomcat1, tomcat2)))
	d.kernel.SetConnections(web, tomcat1.Key(), connections)
	d.want(drained(wrr(tomcat2)))
	expect(t, d.pass(), quiet)
	return d
}

func TestARemovedRealServerKeepsItsConnectionsUntilTheyAreOver(t *testing.T) {
	d := draining(t, ipvs.Connections{Active: 1})
	d.wait(drainTime / 2)
	expect(t, d.look(), "")
	if unsettled := d.Unsettled(); !slices.Equal(unsettled, []ipvs.ServiceKey{web}) {
		t.Errorf("unsettled %v, want the service that drains", unsettled)
	}
	d.kernel.SetConnections(web, tomcat1.Key(), ipvs.Connections{Inactive: 7, Persistent: 2})
	expect(t, d.look(), deleted)
	if len(d.Unsettled()) > 0 || d.Drains(web) != nil {
		t.Errorf("after the drain: unsettled %v, drains %v", d.Unsettled(), d.Drains(web))
	}
}

func TestARemovedRealServerIsDeletedAtTheLatestAfterTheDrainTime(t *testing.T) {
	d := draining(t, ipvs.Connections{Active: 1})
	d.wait(drainTime - time.Nanosecond)
	expect(t, d.look(), "")
	d.wait(time.Nanosecond)
	expect(t, d.look(), deleted)
}

func TestAHandshakeUnderWayIsWaitedFor(t *testing.T) {
	d := draining(t, ipvs.Connections{Inactive: 1})
	d.wait(settling - time.Nanosecond)
	expect(t, d.look(), "")
	d.kernel.SetConnections(web, tomcat1.Key(), ipvs.Connections{Active: 1})
	d.wait(settling)
	expect(t, d.look(), "")
	d.kernel.SetConnections(web, tomcat1.Key(), ipvs.Connections{})
	expect(t, d.look(), deleted)
}

func TestWithoutAnyConnectionARemovedRealServerGoesAfterTheSettlingTime(t *testing.T) {
	d := draining(t, ipvs.Connections{})
	d.wait(settling)
	expect(t, d.look(), deleted)
}

func TestWhereUDPMayBeEveryConnectionIsWaitedFor(t *testing.T) {
	for _, key := range []ipvs.ServiceKey{
		{Address: vip, Port: 53, Protocol: ipvs.UDP}, ipvs.MarkKey(100, ipvs.IPv4),
	} {
		t.Run(key.String(), func(t *testing.T) {
			dns := ipvs.Service{Key: key, Scheduler: "rr"}
			d := serving(t, drained(service(dns, tomcat1)))
			d.kernel.SetConnections(key, tomcat1.Key(), ipvs.Connections{Inactive: 1})
			d.want(drained(service(dns)))
			d.pass()
			d.wait(time.Minute)
			expect(t, d.look(), "")
			d.kernel.SetConnections(key, tomcat1.Key(), ipvs.Connections{Persistent: 1})
			expect(t, d.look(), "ipvsadm -d "+key.Option()+" -r 192.0.2.111:8080\n")
		})
	}
}

func TestARealServerThatComesBackRevivesInPlace(t *testing.T) {
	d := draining(t, ipvs.Connections{Active: 1})
	d.want(drained(wrr(tomcat1, tomcat2)))
	expect(t, d.pass(), "ipvsadm -e -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 3\n")
	d.wait(drainTime)
	expect(t, d.look(), "")

	// It goes once more, and has the whole drain time again.
	d.want(drained(wrr(tomcat2)))
	expect(t, d.pass(), quiet)
	d.wait(drainTime - time.Nanosecond)
	expect(t, d.look(), "")
}

func TestAnotherChangeOfTheServiceDoesNotProlongADrain(t *testing.T) {
	d := draining(t, ipvs.Connections{Active: 1})
	d.wait(drainTime / 2)
	d.want(drained(wrr(realServer("192.0.2.115", 9))))
	expect(t, d.pass(), "ipvsadm -e -t 192.0.2.10:8080 -r 192.0.2.115:8080 -g -w 9\n")
	d.wait(drainTime / 2)
	expect(t, d.look(), deleted)
}

func TestARealServerDrainsWithItsOtherOptions(t *testing.T) {
	far := ipvs.Destination{
		Address: tomcat1.Address, Port: 8080, Weight: 3, Method: ipvs.Tunnelling, Tunnel: ipvs.Tunnel{Type: ipvs.GRE},
		UpperThreshold: 100, LowerThreshold: 50,
	}
	d := serving(t, drained(wrr(far)))
	d.want(drained(wrr()))
	expect(t, d.pass(), "ipvsadm -e -t 192.0.2.10:8080 -r 192.0.2.111:8080 -i -w 0 -x 100 -y 50 --tun-type gre --tun-nocsum\n")
}

func TestARealServerOfWeightZeroDrainsWithoutAnOperation(t *testing.T) {
	d := serving(t, drained(wrr(realServer("192.0.2.111", 0))))
	d.want(drained(wrr()))
	expect(t, d.pass(), "")
	expect(t, d.look(), "")
	d.wait(settling)
	expect(t, d.look(), deleted)
}

func TestWithoutADrainTimeARemovedRealServerIsDeletedAtOnce(t *testing.T) {
	d := serving(t, wrr(tomcat1, tomcat2))
	d.kernel.SetConnections(web, tomcat1.Key(), ipvs.Connections{Active: 1})
	d.want(wrr(tomcat2))
	expect(t, d.pass(), deleted)
}

func TestADeadRealServerIsDeletedAndNotDrained(t *testing.T) {
	down := func(wanted *plan.Wanted) *plan.Wanted {
		wanted.Down = []netip.AddrPort{tomcat1.Key()}
		return drained(wanted)
	}
	t.Run("while it is the service's", func(t *testing.T) {
		d := serving(t, drained(wrr(tomcat1, tomcat2)))
		d.want(down(wrr(tomcat2)))
		expect(t, d.pass(), deleted)
		d.want(drained(wrr(tomcat1, tomcat2)))
		expect(t, d.pass(), "ipvsadm -a -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 3\n")
	})
	t.Run("removed before it was deleted", func(t *testing.T) {
		d := serving(t, drained(wrr(tomcat1, tomcat2)))
		d.want(down(wrr(tomcat2)))
		d.want(drained(wrr(tomcat2)))
		expect(t, d.pass(), deleted)
	})
	t.Run("back while it drains, and dead", func(t *testing.T) {
		d := draining(t, ipvs.Connections{Active: 1})
		d.want(down(wrr(tomcat2)))
		expect(t, d.pass(), deleted)
	})
}

func TestWhatSomebodyAddsByHandIsDeletedAtOnce(t *testing.T) {
	d := serving(t, drained(wrr(tomcat2)))
	d.somebody(&plan.AddDestination{Service: web, Destination: tomcat1})
	d.kernel.SetConnections(web, tomcat1.Key(), ipvs.Connections{Active: 1})
	if changed := d.round(); !slices.Equal(changed, []ipvs.ServiceKey{web}) {
		t.Errorf("changed %v", changed)
	}
	expect(t, d.pass(), deleted)
}

func TestAWeightThatSomebodyGivesToADrainingRealServerIsTakenBack(t *testing.T) {
	d := draining(t, ipvs.Connections{})
	d.wait(settling)
	d.somebody(&plan.UpdateDestination{Service: web, Destination: tomcat1})
	d.round()
	expect(t, d.pass(), quiet)
	d.wait(settling - time.Nanosecond) // there may be a new handshake under way
	expect(t, d.look(), "")
	d.wait(time.Nanosecond)
	expect(t, d.look(), deleted)
}

func TestAConnectionThatEndsDuringAnotherChangeIsNothingLeftUndone(t *testing.T) {
	d := draining(t, ipvs.Connections{Active: 1})
	d.wait(settling)
	expect(t, d.look(), "")
	d.kernel.SetConnections(web, tomcat1.Key(), ipvs.Connections{})
	d.want(drained(wrr(realServer("192.0.2.115", 9))))
	expect(t, d.pass(), "ipvsadm -e -t 192.0.2.10:8080 -r 192.0.2.115:8080 -g -w 9\n") // fails if anything is left
	expect(t, d.look(), deleted)
}

func TestAWithdrawnServiceDoesNotWaitForItsDrains(t *testing.T) {
	d := draining(t, ipvs.Connections{Active: 1})
	d.Unwant(web)
	expect(t, d.pass(), "ipvsadm -D -t 192.0.2.10:8080\n")
	if len(d.Unsettled()) > 0 || d.Drains(web) != nil {
		t.Errorf("unsettled %v, drains %v", d.Unsettled(), d.Drains(web))
	}
}

func TestADrainSurvivesARestart(t *testing.T) {
	before := draining(t, ipvs.Connections{Active: 1})
	drains := before.Drains(web)
	if until := drains[tomcat1.Key()]; len(drains) != 1 || !until.Equal(before.now.Add(drainTime)) {
		t.Fatalf("drains %v", drains)
	}

	restart := func(wait time.Duration, wanted *plan.Wanted) *director {
		d := newDirector(t, before.kernel.Saved())
		d.kernel.SetConnections(web, tomcat1.Key(), ipvs.Connections{Active: 1})
		d.now = before.now.Add(wait)
		d.want(wanted)
		d.RestoreDrains(web, drains)
		return d
	}
	goesOn := restart(drainTime/2, drained(wrr(tomcat2)))
	expect(t, goesOn.pass(), "")
	expect(t, goesOn.look(), "")
	goesOn.wait(drainTime / 2)
	expect(t, goesOn.look(), deleted)

	tooLate := restart(drainTime, drained(wrr(tomcat2)))
	expect(t, tooLate.pass(), deleted)

	back := restart(time.Second, drained(wrr(tomcat1, tomcat2)))
	expect(t, back.pass(), "ipvsadm -e -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 3\n")
	if len(back.Unsettled()) > 0 {
		t.Errorf("unsettled %v", back.Unsettled())
	}
}

func TestDrainsOfWhatIsGoneAreNotRestored(t *testing.T) {
	drains := map[netip.AddrPort]time.Time{tomcat1.Key(): time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	d := newDirector(t, nil)
	d.RestoreDrains(web, drains)
	d.want(drained(wrr(tomcat2)))
	d.pass()
	d.RestoreDrains(web, drains)
	if d.Due() || d.Drains(web) != nil || len(d.Unsettled()) > 0 {
		t.Errorf("due %v, drains %v, unsettled %v", d.Due(), d.Drains(web), d.Unsettled())
	}
}
