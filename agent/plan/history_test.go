// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// ourKeys are the services that the director of the random tables may have, foreignKeys those of others on the same node.
var (
	ourKeys = []ipvs.ServiceKey{
		{Address: vip, Port: 80, Protocol: ipvs.TCP}, {Address: vip, Port: 80, Protocol: ipvs.UDP},
		{Address: vip, Port: 443, Protocol: ipvs.TCP}, {Address: vip, Port: 3868, Protocol: ipvs.SCTP},
		{Address: vip, Protocol: ipvs.TCP}, {Address: vip6, Port: 80, Protocol: ipvs.TCP}, {Address: vip6, Port: 53, Protocol: ipvs.UDP},
		ipvs.MarkKey(100, ipvs.IPv4), ipvs.MarkKey(100, ipvs.IPv6), ipvs.MarkKey(199, ipvs.IPv4),
	}
	foreignKeys = []ipvs.ServiceKey{
		{Address: netip.MustParseAddr("198.51.100.10"), Port: 80, Protocol: ipvs.TCP},
		{Address: netip.MustParseAddr("2001:db8:0:1::10"), Port: 80, Protocol: ipvs.TCP},
		ipvs.MarkKey(7, ipvs.IPv4), ipvs.MarkKey(200, ipvs.IPv6),
	}
)

func randomService(r *rand.Rand, key ipvs.ServiceKey) ipvs.Service {
	service := ipvs.Service{
		Key: key, Scheduler: pick(r, "wrr", "wlc", "sh", "mh"), Flags: pick(r, 0, 0, ipvs.Fallback, ipvs.HashPort, ipvs.Fallback|ipvs.OnePacket),
	}
	if key.Port == 0 && key.Mark == 0 || r.IntN(3) == 0 {
		service.PersistenceTimeout = pick[uint32](r, 60, 300)
		service.PersistencePrefix = pick[uint8](r, 0, 16, 24)
		service.PersistenceEngine = pick(r, "", "", "sip")
	}
	return service
}

// randomDestinations are sorted, each once.
func randomDestinations(r *rand.Rand, family ipvs.Family) []ipvs.Destination {
	byKey := map[netip.AddrPort]ipvs.Destination{}
	for range r.IntN(6) {
		d := ipvs.Destination{Method: pick(r, ipvs.Masquerade, ipvs.Tunnelling, ipvs.DirectRoute), Weight: pick[uint32](r, 0, 1, 3)}
		far := pick(r, ipvs.IPv4, ipvs.IPv6)
		if d.Method == ipvs.Tunnelling {
			d.Tunnel = pick(r, ipvs.Tunnel{}, ipvs.Tunnel{Type: ipvs.GRE, Flags: ipvs.TunnelChecksum}, ipvs.Tunnel{Type: ipvs.GUE, Port: 6080})
		} else {
			far = family
		}
		d.Address = netip.MustParseAddr(map[ipvs.Family]string{ipvs.IPv4: "192.0.2.111", ipvs.IPv6: "2001:db8::111"}[far])
		d.Port = pick[uint16](r, 80, 8080, 8081)
		if r.IntN(4) == 0 {
			d.UpperThreshold, d.LowerThreshold = pick[uint32](r, 100, 200), pick[uint32](r, 0, 50)
		}
		byKey[d.Key()] = d
	}
	return slices.SortedFunc(maps.Values(byKey), ipvs.Destination.Compare)
}

func randomTable(r *rand.Rand, keys []ipvs.ServiceKey) ipvs.Table {
	var table ipvs.Table
	for _, key := range some(r, keys...) {
		table = append(table, ipvs.Entry{Service: randomService(r, key), Destinations: randomDestinations(r, key.Family())})
	}
	return table
}

// randomWanted is the service with some of its real servers down.
func randomWanted(r *rand.Rand, key ipvs.ServiceKey) *plan.Wanted {
	wanted := &plan.Wanted{Drain: pick(r, 0, time.Second, drainTime)}
	wanted.Service = randomService(r, key)
	for _, d := range randomDestinations(r, key.Family()) {
		if r.IntN(5) == 0 {
			wanted.Down = append(wanted.Down, d.Key())
		} else {
			wanted.Destinations = append(wanted.Destinations, d)
		}
	}
	return wanted
}

func TestAppliedPlanGivesTheDesiredTable(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rand.Rand) {
		foreign := randomTable(r, foreignKeys)
		h := newHistory(t, r, slices.Concat(randomTable(r, ourKeys), foreign), foreign)
		for _, key := range some(r, ourKeys...) {
			h.wants(randomWanted(r, key))
		}
		if left := h.pass(); len(left) > 0 {
			t.Errorf("left undone:\n%s", commands(left))
		}
		h.isThere()
		if h.Due() || len(h.Unsettled()) > 0 {
			t.Errorf("due %v, unsettled %v", h.Due(), h.Unsettled())
		}
	})
}

func TestADesiredTableIsNoWork(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rand.Rand) {
		var table ipvs.Table
		var wanted []*plan.Wanted
		for _, key := range some(r, ourKeys...) {
			one := randomWanted(r, key)
			wanted = append(wanted, one)
			table = append(table, ipvs.Entry{Service: one.Service, Destinations: slices.Clone(one.Destinations)})
		}
		d := newDirector(t, table)
		for _, one := range wanted {
			d.want(one)
		}
		expect(t, d.pass(), "")
	})
}

// history is a director to which much happens. It holds each plan to what every plan has to be.
type history struct {
	*director
	r      *rand.Rand
	wanted map[ipvs.ServiceKey]*plan.Wanted
	// others is the part of the table that is not ours.
	others ipvs.Table
}

func newHistory(t *testing.T, r *rand.Rand, table, others ipvs.Table) *history {
	t.Helper()
	others.Sort()
	return &history{newDirector(t, table), r, map[ipvs.ServiceKey]*plan.Wanted{}, others}
}

func (h *history) wants(wanted *plan.Wanted) {
	h.wanted[wanted.Service.Key] = wanted
	h.want(wanted)
}

func (h *history) unwants(key ipvs.ServiceKey) {
	delete(h.wanted, key)
	h.Unwant(key)
}

// pass is one in which the kernel does all that it can. It returns what is left undone: only of what could not be read back
// before.
func (h *history) pass() []plan.Operation {
	h.t.Helper()
	operations, keys := h.Plan(h.now, unbounded)
	h.check(operations)
	h.kernel.Apply(h.t.Context(), operations)
	return h.Settle(keys, h.read(keys), h.now)
}

// troubledPass is one in which not all goes well.
func (h *history) troubledPass() {
	h.t.Helper()
	operations, keys := h.Plan(h.now, pick(h.r, 1, 3, unbounded))
	h.check(operations)
	switch h.r.IntN(3) {
	case 0: // ends half-way
		operations = operations[:h.r.IntN(len(operations)+1)]
	case 1: // the kernel refuses some
		h.kernel.Refuse(func(plan.Operation) error { return pick(h.r, nil, errors.New("no memory")) })
	}
	h.kernel.Apply(h.t.Context(), operations)
	h.kernel.Refuse(nil)
	if h.r.IntN(4) == 0 {
		h.Distrust(keys)
		return
	}
	h.Settle(keys, h.read(keys), h.now)
}

// target is the identity of what an operation is about.
type target struct {
	service     ipvs.ServiceKey
	destination netip.AddrPort
}

func targetOf(operation plan.Operation) (at target, deletes bool) {
	switch o := operation.(type) {
	case *plan.AddService:
		return target{service: o.Service.Key}, false
	case *plan.UpdateService:
		return target{service: o.Service.Key}, false
	case *plan.DeleteService:
		return target{service: o.Service}, true
	case *plan.AddDestination:
		return target{o.Service, o.Destination.Key()}, false
	case *plan.UpdateDestination:
		return target{o.Service, o.Destination.Key()}, false
	case *plan.DeleteDestination:
		return target{o.Service, o.Destination}, true
	}
	return target{}, false
}

// check fails the test if a plan deletes what it could change, touches what is not ours, says anything twice, or lets go of
// anything before all that is new is there.
func (h *history) check(operations []plan.Operation) {
	h.t.Helper()
	seen := map[target]bool{}
	deleting := false
	for _, operation := range operations {
		at, deletes := targetOf(operation)
		if !edge.Owns(at.service) {
			h.t.Errorf("%s: this service is not ours", operation)
		}
		if seen[at] {
			h.t.Errorf("%s: the plan has another operation for it:\n%s", operation, commands(operations))
		}
		seen[at] = true
		if deleting && !deletes {
			h.t.Errorf("%s comes after a deletion:\n%s", operation, commands(operations))
		}
		deleting = deletes
		wanted := h.wanted[at.service]
		if deletes && wanted != nil && (at.destination == netip.AddrPort{} || h.serves(at)) {
			h.t.Errorf("%s: it is wanted", operation)
		}
	}
}

func (h *history) serves(at target) bool {
	return slices.ContainsFunc(h.wanted[at.service].Destinations, func(d ipvs.Destination) bool { return d.Key() == at.destination })
}

// isThere fails the test unless the kernel has what is wanted, and what others have.
func (h *history) isThere() {
	h.t.Helper()
	var want ipvs.Table
	for _, wanted := range h.wanted {
		want = append(want, wanted.Entry)
	}
	want.Sort()
	expect(h.t, h.owned().String(), want.String())
	expect(h.t, h.foreign().String(), h.others.String())
}

// misfortune is one random event that leads nowhere in particular.
func (h *history) misfortune() {
	h.t.Helper()
	switch h.r.IntN(6) {
	case 0, 1:
		h.wants(randomWanted(h.r, pick(h.r, ourKeys...)))
	case 2:
		h.unwants(pick(h.r, ourKeys...))
	case 3:
		h.troubledPass()
	case 4:
		h.wait(pick(h.r, time.Second, settling, drainTime))
		keys := h.Unsettled()
		h.Learn(keys, h.read(keys), h.now)
	case 5:
		for _, reading := range some(h.r, h.table()...) {
			for _, d := range reading.Destinations {
				h.kernel.SetConnections(reading.Service.Key, d.Key(), ipvs.Connections{Active: h.r.Uint32N(2), Inactive: h.r.Uint32N(2)})
			}
		}
	}
}

// vandalism is what somebody else does to our services.
func (h *history) vandalism() {
	h.t.Helper()
	key := pick(h.r, ourKeys...)
	h.somebody(&plan.AddService{Service: randomService(h.r, key)})
	for _, d := range randomDestinations(h.r, key.Family()) {
		h.somebody(&plan.AddDestination{Service: key, Destination: d})
	}
	if h.r.IntN(2) == 0 {
		h.somebody(&plan.DeleteService{Service: key})
	}
}

// end lets everything come to rest.
func (h *history) end() {
	h.t.Helper()
	for range 100 {
		h.pass()
		keys := h.Unsettled()
		if !h.Due() && len(keys) == 0 {
			return
		}
		h.wait(time.Minute)
		h.Learn(keys, h.read(keys), h.now)
	}
	h.t.Fatalf("no rest: due %v, unsettled %v", h.Due(), h.Unsettled())
}

// tell says what is wanted in the end: in any order, more than once, with passes in between, and what is not wanted too.
func (h *history) tell(end []*plan.Wanted) {
	h.t.Helper()
	ends := map[ipvs.ServiceKey]*plan.Wanted{}
	for _, wanted := range end {
		ends[wanted.Service.Key] = wanted
	}
	keys := slices.Concat(ourKeys, some(h.r, ourKeys...))
	shuffle(h.r, keys)
	for _, key := range keys {
		if wanted := ends[key]; wanted != nil {
			h.wants(wanted)
		} else {
			h.unwants(key)
		}
		if h.r.IntN(3) == 0 {
			h.troubledPass()
		}
	}
}

func randomEnd(r *rand.Rand) []*plan.Wanted {
	var end []*plan.Wanted
	for _, key := range some(r, ourKeys...) {
		end = append(end, randomWanted(r, key))
	}
	return end
}

func TestEveryHistoryWithOneEndLeadsToOneTable(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rand.Rand) {
		foreign := randomTable(r, foreignKeys)
		h := newHistory(t, r, slices.Concat(randomTable(r, ourKeys), foreign), foreign)
		for range r.IntN(30) {
			h.misfortune()
		}
		end := randomEnd(r)
		h.tell(end)
		h.end()
		h.isThere()
		if h.Len() != len(end) {
			t.Errorf("%d services are wanted, want %d", h.Len(), len(end))
		}
		if changed := h.round(); len(changed) > 0 || h.Due() {
			t.Errorf("at rest, and an audit finds %v", changed)
		}
	})
}

func TestAnAuditRepairsWhateverSomebodyElseDid(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rand.Rand) {
		h := newHistory(t, r, randomTable(r, ourKeys), nil)
		for range r.IntN(30) {
			if r.IntN(4) == 0 {
				h.vandalism()
			} else {
				h.misfortune()
			}
		}
		h.tell(randomEnd(r))
		h.vandalism()
		h.round()
		h.end()
		h.isThere()
	})
}

func TestTheOrderInWhichServicesAreToldDoesNotMatter(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rand.Rand) {
		table, end := randomTable(r, ourKeys), randomEnd(r)
		var plans []string
		for range 2 {
			shuffle(r, end)
			d := newDirector(t, table)
			for _, wanted := range end {
				d.want(wanted)
			}
			plans = append(plans, d.pass())
		}
		expect(t, plans[1], plans[0])
	})
}
