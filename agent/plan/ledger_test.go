// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

var web = ipvs.ServiceKey{Address: vip, Port: 8080, Protocol: ipvs.TCP}

func realServer(address string, weight uint32) ipvs.Destination {
	return ipvs.Destination{Address: netip.MustParseAddr(address), Port: 8080, Weight: weight, Method: ipvs.DirectRoute}
}

var (
	tomcat1 = realServer("192.0.2.111", 3)
	tomcat2 = realServer("192.0.2.115", 3)
)

// service is a service without a drain time.
func service(of ipvs.Service, realServers ...ipvs.Destination) *plan.Wanted {
	return &plan.Wanted{Entry: ipvs.Entry{Service: of, Destinations: realServers}}
}

// wrr is the web service with these real servers.
func wrr(realServers ...ipvs.Destination) *plan.Wanted {
	return service(ipvs.Service{Key: web, Scheduler: "wrr"}, realServers...)
}

func TestServiceStories(t *testing.T) {
	stories := []struct {
		name   string
		kernel ipvs.Table
		wanted []*plan.Wanted
		want   string
	}{
		{
			name:   "an empty table is filled",
			wanted: []*plan.Wanted{wrr(tomcat1, tomcat2)},
			want: `ipvsadm -A -t 192.0.2.10:8080 -s wrr
ipvsadm -a -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 3
ipvsadm -a -t 192.0.2.10:8080 -r 192.0.2.115:8080 -g -w 3
`,
		},
		{
			name:   "a director that restarts finds everything in place and does nothing",
			kernel: ipvs.Table{wrr(tomcat1, tomcat2).Entry},
			wanted: []*plan.Wanted{wrr(tomcat1, tomcat2)},
		},
		{
			name:   "a service with a new scheduler keeps its real servers",
			kernel: ipvs.Table{wrr(tomcat1, tomcat2).Entry},
			wanted: []*plan.Wanted{service(ipvs.Service{Key: web, Scheduler: "sh", Flags: ipvs.HashPort}, tomcat1, tomcat2)},
			want:   "ipvsadm -E -t 192.0.2.10:8080 -s sh -b sh-port\n",
		},
		{
			name:   "weight and scheduler change in place",
			kernel: ipvs.Table{wrr(tomcat1, tomcat2).Entry},
			wanted: []*plan.Wanted{service(ipvs.Service{Key: web, Scheduler: "wlc"}, realServer("192.0.2.111", 1), tomcat2)},
			want: `ipvsadm -E -t 192.0.2.10:8080 -s wlc
ipvsadm -e -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 1
`,
		},
		{
			name:   "the only real server is replaced without a moment that has none",
			kernel: ipvs.Table{wrr(tomcat1).Entry},
			wanted: []*plan.Wanted{wrr(tomcat2)},
			want: `ipvsadm -a -t 192.0.2.10:8080 -r 192.0.2.115:8080 -g -w 3
ipvsadm -d -t 192.0.2.10:8080 -r 192.0.2.111:8080
`,
		},
		{
			name: "options that somebody set by hand are cleared",
			kernel: ipvs.Table{{
				Service:      ipvs.Service{Key: web, Scheduler: "wrr", Flags: ipvs.OnePacket, PersistenceTimeout: 60},
				Destinations: []ipvs.Destination{{Address: tomcat1.Address, Port: 8080, Weight: 3, Method: ipvs.DirectRoute, UpperThreshold: 10}},
			}},
			wanted: []*plan.Wanted{wrr(tomcat1)},
			want: `ipvsadm -E -t 192.0.2.10:8080 -s wrr
ipvsadm -e -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 3
`,
		},
		{
			name: "a withdrawn service goes, and those of somebody else stay",
			kernel: ipvs.Table{
				wrr(tomcat1).Entry,
				{Service: ipvs.Service{Key: ipvs.ServiceKey{Address: netip.MustParseAddr("198.51.100.1"), Port: 80, Protocol: ipvs.TCP}, Scheduler: "rr"}},
				{Service: ipvs.Service{Key: ipvs.MarkKey(7, ipvs.IPv4), Scheduler: "rr"}},
			},
			want: "ipvsadm -D -t 192.0.2.10:8080\n",
		},
		{
			name:   "a service that moves to another port is there before it has left the old one",
			kernel: ipvs.Table{wrr(tomcat1).Entry},
			wanted: []*plan.Wanted{service(ipvs.Service{Key: ipvs.ServiceKey{Address: vip, Port: 9090, Protocol: ipvs.TCP}, Scheduler: "wrr"}, tomcat1)},
			want: `ipvsadm -A -t 192.0.2.10:9090 -s wrr
ipvsadm -a -t 192.0.2.10:9090 -r 192.0.2.111:8080 -g -w 3
ipvsadm -D -t 192.0.2.10:8080
`,
		},
		{
			name: "services by mark and of IPv6 are as good as any other",
			wanted: []*plan.Wanted{
				service(ipvs.Service{Key: ipvs.MarkKey(100, ipvs.IPv6), Scheduler: "sh", Flags: ipvs.Fallback},
					ipvs.Destination{Address: vip6, Method: ipvs.DirectRoute, Weight: 1}),
				service(ipvs.Service{
					Key:       ipvs.ServiceKey{Address: vip6, Port: 5060, Protocol: ipvs.UDP},
					Scheduler: "rr", PersistenceTimeout: 300, PersistencePrefix: 64, PersistenceEngine: "sip",
				}, ipvs.Destination{
					Address: netip.MustParseAddr("198.51.100.9"), Port: 5060, Method: ipvs.Tunnelling, Weight: 1,
					Tunnel: ipvs.Tunnel{Type: ipvs.GUE, Port: 6080, Flags: ipvs.TunnelChecksum},
				}),
			},
			want: `ipvsadm -A -u [2001:db8::10]:5060 -s rr -p 300 -M 64 --pe sip
ipvsadm -a -u [2001:db8::10]:5060 -r 198.51.100.9:5060 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
ipvsadm -A -f 100 -6 -s sh -b sh-fallback
ipvsadm -a -f 100 -6 -r [2001:db8::10]:0 -g -w 1
`,
		},
	}
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			d := newDirector(t, story.kernel)
			for _, wanted := range story.wanted {
				d.want(wanted)
			}
			expect(t, d.pass(), story.want)
		})
	}
}

func TestEveryFieldOfAServiceChangesInPlace(t *testing.T) {
	for name, change := range map[string]func(*ipvs.Service){
		"scheduler":           func(s *ipvs.Service) { s.Scheduler = "mh" },
		"flags":               func(s *ipvs.Service) { s.Flags = ipvs.Fallback },
		"one packet":          func(s *ipvs.Service) { s.Flags = ipvs.OnePacket },
		"no persistence":      func(s *ipvs.Service) { s.PersistenceTimeout, s.PersistencePrefix = 0, 0 },
		"persistence timeout": func(s *ipvs.Service) { s.PersistenceTimeout = 600 },
		"persistence prefix":  func(s *ipvs.Service) { s.PersistencePrefix = 16 },
		"persistence engine":  func(s *ipvs.Service) { s.PersistenceEngine = "sip" },
	} {
		t.Run(name, func(t *testing.T) {
			dns := ipvs.Service{
				Key:       ipvs.ServiceKey{Address: vip, Port: 53, Protocol: ipvs.UDP},
				Scheduler: "sh", PersistenceTimeout: 300, PersistencePrefix: 24,
			}
			d := serving(t, service(dns, tomcat1))
			change(&dns)
			d.want(service(dns, tomcat1))
			expect(t, d.pass(), "ipvsadm -E "+dns.String()+"\n")
		})
	}
}

func TestEveryFieldOfARealServerChangesInPlace(t *testing.T) {
	for name, change := range map[string]func(*ipvs.Destination){
		"weight":          func(d *ipvs.Destination) { d.Weight = 0 },
		"method":          func(d *ipvs.Destination) { d.Method, d.Tunnel = ipvs.DirectRoute, ipvs.Tunnel{} },
		"tunnel type":     func(d *ipvs.Destination) { d.Tunnel = ipvs.Tunnel{Type: ipvs.GRE} },
		"tunnel port":     func(d *ipvs.Destination) { d.Tunnel.Port = 6081 },
		"tunnel checksum": func(d *ipvs.Destination) { d.Tunnel.Flags = ipvs.TunnelRemoteChecksum },
		"upper threshold": func(d *ipvs.Destination) { d.UpperThreshold = 200 },
		"lower threshold": func(d *ipvs.Destination) { d.LowerThreshold = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			far := tomcat2
			far.Method, far.Tunnel = ipvs.Tunnelling, ipvs.Tunnel{Type: ipvs.GUE, Port: 6080}
			far.UpperThreshold, far.LowerThreshold = 100, 50
			d := serving(t, wrr(tomcat1, far))
			change(&far)
			d.want(wrr(tomcat1, far))
			expect(t, d.pass(), "ipvsadm -e -t 192.0.2.10:8080 "+far.String()+"\n")
		})
	}
}

func TestWhatIsToldTwiceOrTakenBackIsNoWork(t *testing.T) {
	d := serving(t, wrr(tomcat1, tomcat2))
	d.want(wrr(tomcat1, tomcat2))
	d.want(wrr(tomcat1))
	d.want(wrr(tomcat1, tomcat2))
	d.Unwant(web)
	d.Unwant(web)
	if d.Len() != 0 {
		t.Errorf("%d services are wanted, want none", d.Len())
	}
	d.want(wrr(tomcat1, tomcat2))
	d.Unwant(ipvs.MarkKey(100, ipvs.IPv4)) // never heard of
	if d.Len() != 1 {
		t.Errorf("%d services are wanted, want 1", d.Len())
	}
	expect(t, d.pass(), "")
}

func TestAWithdrawnServiceIsForgotten(t *testing.T) {
	d := serving(t, wrr(tomcat1))
	if known, exists := d.Known(web); !exists || !slices.Equal(known.Destinations, []ipvs.Destination{tomcat1}) {
		t.Errorf("the kernel is known to have %v, %v", known, exists)
	}
	d.Unwant(web)
	expect(t, d.pass(), "ipvsadm -D -t 192.0.2.10:8080\n")
	if known, exists := d.Known(web); exists {
		t.Errorf("the kernel is known to have %v", known)
	}
	if d.Due() || len(d.Unsettled()) > 0 {
		t.Errorf("due %v, unsettled %v", d.Due(), d.Unsettled())
	}
}

func TestALongTableIsProgrammedInBoundedParts(t *testing.T) {
	const services, realServers, most = 10, 3, 8
	d := newDirector(t, nil)
	for port := range uint16(services) {
		key := ipvs.ServiceKey{Address: vip, Port: 1 + port, Protocol: ipvs.TCP}
		d.want(service(ipvs.Service{Key: key, Scheduler: "rr"}, tomcat1, tomcat2, realServer("192.0.2.116", 1)))
	}
	passes := 0
	for ; d.Due(); passes++ {
		operations, keys := d.Plan(d.now, most)
		if len(operations) > most+realServers || len(keys) != 2 {
			t.Fatalf("a part of %d operations for %v", len(operations), keys)
		}
		d.somebody(operations...)
		if left := d.Settle(keys, d.read(keys), d.now); len(left) > 0 {
			t.Fatalf("left undone:\n%s", commands(left))
		}
	}
	if passes != services/2 || len(d.owned()) != services {
		t.Errorf("%d services after %d passes, want %d after %d", len(d.owned()), passes, services, services/2)
	}
}

func TestARefusedOperationIsLeftAndTriedAgain(t *testing.T) {
	d := serving(t, wrr(tomcat1))
	d.kernel.Refuse(func(operation plan.Operation) error {
		if strings.Contains(operation.String(), "-s fo") {
			return errors.New("no such scheduler")
		}
		return nil
	})
	d.want(service(ipvs.Service{Key: web, Scheduler: "fo"}, tomcat1, tomcat2))
	operations, keys := d.Plan(d.now, unbounded)
	if failures := d.kernel.Apply(t.Context(), operations); len(failures) != 1 {
		t.Fatalf("failures %v", failures)
	}
	left := d.Settle(keys, d.read(keys), d.now)
	expect(t, commands(left), "ipvsadm -E -t 192.0.2.10:8080 -s fo\n")
	if d.Due() || !slices.Equal(d.Unsettled(), keys) {
		t.Errorf("due %v, unsettled %v, want %v", d.Due(), d.Unsettled(), keys)
	}

	d.kernel.Refuse(nil)
	expect(t, d.pass(), "") // not before it was read again
	expect(t, d.look(), "ipvsadm -E -t 192.0.2.10:8080 -s fo\n")
	if len(d.Unsettled()) > 0 {
		t.Errorf("still unsettled: %v", d.Unsettled())
	}
}

func TestAServiceOfWhichTheRefusedPartIsNoLongerWantedIsSettled(t *testing.T) {
	d := serving(t, wrr(tomcat1))
	d.kernel.Refuse(func(plan.Operation) error { return errors.New("not now") })
	d.want(wrr(tomcat1, tomcat2))
	operations, keys := d.Plan(d.now, unbounded)
	d.kernel.Apply(t.Context(), operations)
	d.Settle(keys, d.read(keys), d.now)
	d.kernel.Refuse(nil)
	d.want(wrr(realServer("192.0.2.111", 9)))
	expect(t, d.pass(), "ipvsadm -e -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 9\n")
	if d.Due() || len(d.Unsettled()) > 0 {
		t.Errorf("due %v, unsettled %v", d.Due(), d.Unsettled())
	}
}

func TestATableThatTheKernelLostIsProgrammedAgain(t *testing.T) {
	d := serving(t, wrr(tomcat1))
	d.LearnAll(nil, d.now)
	expect(t, d.pass(), "ipvsadm -A -t 192.0.2.10:8080 -s wrr\nipvsadm -a -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 3\n")
}

func TestAServiceThatCouldNotBeReadBackIsReadAgain(t *testing.T) {
	d := newDirector(t, nil)
	d.want(wrr(tomcat1, tomcat2))
	operations, keys := d.Plan(d.now, unbounded)
	d.somebody(operations[:2]...)
	d.Distrust(keys)
	if unsettled := d.Unsettled(); !slices.Equal(unsettled, keys) {
		t.Fatalf("unsettled %v, want %v", unsettled, keys)
	}
	expect(t, d.look(), "ipvsadm -a -t 192.0.2.10:8080 -r 192.0.2.115:8080 -g -w 3\n")
	expect(t, d.look(), "")
}

func TestAServiceThatIsWithdrawnBeforeItWasReadBackGoes(t *testing.T) {
	d := newDirector(t, nil)
	d.want(wrr(tomcat1))
	operations, keys := d.Plan(d.now, unbounded)
	d.somebody(operations...)
	d.Distrust(keys)
	d.Unwant(web)
	d.pass()
	d.look()
	expect(t, d.kernel.Saved().String(), "")
	if d.Due() || len(d.Unsettled()) > 0 {
		t.Errorf("due %v, unsettled %v", d.Due(), d.Unsettled())
	}
}

func TestAServiceThatCouldNotBeDeletedAndIsGoneAllTheSameIsForgotten(t *testing.T) {
	d := serving(t, wrr(tomcat1))
	d.kernel.Refuse(func(plan.Operation) error { return errors.New("not now") })
	d.Unwant(web)
	operations, keys := d.Plan(d.now, unbounded)
	d.kernel.Apply(t.Context(), operations)
	expect(t, commands(d.Settle(keys, d.read(keys), d.now)), "ipvsadm -D -t 192.0.2.10:8080\n")

	d.kernel.Refuse(nil)
	d.somebody(&plan.DeleteService{Service: web})
	d.Learn(keys, d.read(keys), d.now)
	expect(t, d.pass(), "")
	if d.Due() || len(d.Unsettled()) > 0 {
		t.Errorf("due %v, unsettled %v", d.Due(), d.Unsettled())
	}
}
