// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// Health is what is known of one real server.
type Health struct {
	// Up says that it is healthy, or that it is never checked.
	Up bool
	// Checked says that it was checked once, or never is.
	Checked bool
	// Weight is the one that it has while it is up, 0 to 65535.
	Weight uint32
}

// Service is what is decided about.
type Service struct {
	// Destinations are all real servers with their whole weights, sorted, each once.
	Destinations []ipvs.Destination
	Policy       Policy
	// Waited says that the first checks have had their time. Before that, and before each real server was checked once, that few are healthy
	// says nothing.
	Waited bool
}

// Decision is what a service is to have in the kernel.
type Decision struct {
	// Destinations are those that are to be there, sorted. The memory may be the Service's.
	Destinations []ipvs.Destination
	// Down are the other real servers, sorted.
	Down []netip.AddrPort
	// Healthy is how many of the real servers are.
	Healthy     int
	Consequence Consequence
	// Checked says that the health of all real servers is known.
	Checked bool
	// Next is when the service is due for another decision though nothing changes; zero: never.
	Next time.Time
}

// State is what decisions depend on besides the present. The zero value, and what Resume returns, is that of a service about which nothing was
// decided yet.
type State struct {
	quorum quorum
	// decided says that there was a decision, and down are the real servers that were not up at the last one.
	decided bool
	down    []netip.AddrPort
	ramps   ramps
}

// Resume goes on with a service as the kernel has it, known: if its sorry server serves alone there, the quorum was lost.
func Resume(policy Policy, known []ipvs.Destination) State {
	var state State
	for _, d := range known {
		switch isSorry := policy.hasSorry() && d.Key() == policy.Sorry.Key(); {
		case d.Weight == 0:
		case !isSorry || d.Weight != policy.Sorry.Weight:
			return State{}
		default:
			state.quorum = lost
		}
	}
	return state
}

// Decide says what follows from health, which is asked once a real server.
func (s *State) Decide(now time.Time, service Service, health func(ipvs.Destination) Health) Decision {
	policy := service.Policy
	up, down, checked := divide(service.Destinations, health)
	if policy.SlowStart > 0 && s.decided {
		s.ramps.follow(now, up, s.down)
	}
	s.decided, s.down = true, down
	d := Decision{Destinations: up, Down: down, Healthy: len(up), Checked: checked}
	settled := checked || service.Waited
	if settled {
		s.quorum = s.quorum.follow(policy, weight(up))
	}
	switch {
	case settled && policy.guards(len(up), len(service.Destinations)):
		d.Destinations, d.Down, d.Consequence = service.Destinations, nil, SendsToAll
		return d
	case s.quorum == lost && policy.hasSorry():
		d.Consequence = Apologizes
		d.apologize(service)
		return d
	case s.quorum == lost && policy.Withdraw:
		d.Consequence = Withdrawn
	case s.quorum == lost:
		d.Consequence = QuorumLost
	}
	d.Destinations, d.Next = s.ramps.apply(now, policy.SlowStart, up)
	if policy.Inhibit && len(down) > 0 {
		d.Destinations, d.Down = inhibit(service.Destinations, d.Destinations), nil
	}
	return d
}

// divide are the real servers that are up, with their weights, and the others; checked: each was. While all are up as they are listed,
// nothing is copied.
func divide(all []ipvs.Destination, health func(ipvs.Destination) Health) (up []ipvs.Destination, down []netip.AddrPort, checked bool) {
	copied := false
	checked = true
	for i, d := range all {
		h := health(d)
		checked = checked && h.Checked
		if !copied && (!h.Up || h.Weight != d.Weight) {
			up, copied = slices.Clone(all[:i]), true
		}
		switch {
		case !h.Up:
			down = append(down, d.Key())
		case copied:
			d.Weight = h.Weight
			up = append(up, d)
		}
	}
	if !copied {
		up = all
	}
	return up, down, checked
}

func weight(up []ipvs.Destination) uint64 {
	sum := uint64(0)
	for _, d := range up {
		sum += uint64(d.Weight)
	}
	return sum
}

// inhibit are all real servers, those with weight 0 that are not in up, which is sorted as all are.
func inhibit(all, up []ipvs.Destination) []ipvs.Destination {
	inhibited := make([]ipvs.Destination, 0, len(all))
	for _, d := range all {
		if len(up) > 0 && up[0].Key() == d.Key() {
			d, up = up[0], up[1:]
		} else {
			d.Weight = 0
		}
		inhibited = append(inhibited, d)
	}
	return inhibited
}

// apologize has the sorry server serve alone. Real servers that are healthy keep their connections, and get no new ones. The sorry server
// may be one of the real servers.
func (d *Decision) apologize(service Service) {
	left := d.Destinations
	if service.Policy.Inhibit {
		left, d.Down = service.Destinations, nil
	}
	sorry := service.Policy.Sorry
	isSorry := func(at netip.AddrPort) bool { return at == sorry.Key() }
	quiet := make([]ipvs.Destination, 0, len(left)+1)
	for _, one := range left {
		if !isSorry(one.Key()) {
			one.Weight = 0
			quiet = append(quiet, one)
		}
	}
	at, _ := slices.BinarySearchFunc(quiet, sorry, ipvs.Destination.Compare)
	d.Destinations = slices.Insert(quiet, at, sorry)
	d.Down = slices.DeleteFunc(slices.Clone(d.Down), isSorry)
}
