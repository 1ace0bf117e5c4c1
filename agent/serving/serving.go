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
	// There says that the kernel has it: while connections go to all, to this one, too, before it was checked.
	There bool
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

// State is what decisions depend on besides the present. The zero value is that of a service about which nothing was decided yet.
type State struct {
	memory Memory
	// decided says that there was a decision by what all real servers are, and down are those that were not up at the last one.
	decided bool
	down    []netip.AddrPort
	ramps   ramps
}

// Memory is what has to outlive the agent.
func (s *State) Memory() Memory { return s.memory }

// Resume goes on with a service that an earlier agent left with this memory, and with these real servers in the kernel: those that have a part
// of their weight by slow start go on growing.
func Resume(now time.Time, service Service, memory Memory, known []ipvs.Destination) State {
	state := State{memory: memory}
	if service.Policy.SlowStart > 0 {
		state.ramps = resumed(now, service, known)
	}
	return state
}

// Decide says what follows from health, which is asked once a real server.
func (s *State) Decide(now time.Time, service Service, health func(ipvs.Destination) Health) Decision {
	policy := service.Policy
	looked := look(service.Destinations, health)
	up, down := looked.up, looked.down
	settled := looked.checked || service.Waited
	if settled || s.decided {
		// What was never checked before the first decision is no real server that has come up.
		if policy.SlowStart > 0 && s.decided {
			s.ramps.follow(now, up, s.down)
		}
		s.decided, s.down = true, down
	}
	if settled {
		s.memory = s.memory.follow(policy, weight(up), len(up), len(service.Destinations))
	}
	d := Decision{Destinations: up, Down: down, Healthy: len(up), Checked: looked.checked}
	switch {
	case s.memory.Guarded && policy.Guard > 0:
		d.Consequence = SendsToAll
		if d.Destinations, d.Down = service.Destinations, nil; len(looked.unproven) > 0 && !service.Waited {
			d.Destinations, d.Down = without(service.Destinations, looked.unproven), looked.unproven
		}
		return d
	case s.memory.Lost && policy.hasSorry():
		d.Consequence = Apologizes
		d.apologize(service)
		return d
	case s.memory.Lost && policy.Withdraw:
		d.Consequence = Withdrawn
	case s.memory.Lost:
		d.Consequence = QuorumLost
	}
	d.Destinations, d.Next = s.ramps.apply(now, policy.SlowStart, up)
	if policy.Inhibit && len(down) > 0 {
		d.Destinations, d.Down = inhibit(service.Destinations, d.Destinations), nil
	}
	return d
}

// looked is what a look at all real servers has shown.
type looked struct {
	// up are those that are, with their weights, and down the others, both sorted. While all are up as they are listed, nothing is copied.
	up   []ipvs.Destination
	down []netip.AddrPort
	// unproven are those of down that were never checked and are not in the kernel, and checked says that each was.
	unproven []netip.AddrPort
	checked  bool
}

func look(all []ipvs.Destination, health func(ipvs.Destination) Health) looked {
	l := looked{checked: true}
	copied := false
	for i, d := range all {
		h := health(d)
		l.checked = l.checked && h.Checked
		if !copied && (!h.Up || h.Weight != d.Weight) {
			l.up, copied = slices.Clone(all[:i]), true
		}
		switch {
		case !h.Up:
			l.down = append(l.down, d.Key())
			if !h.Checked && !h.There {
				l.unproven = append(l.unproven, d.Key())
			}
		case copied:
			d.Weight = h.Weight
			l.up = append(l.up, d)
		}
	}
	if !copied {
		l.up = all
	}
	return l
}

// without are those of all that are not among some, which are sorted as all are.
func without(all []ipvs.Destination, some []netip.AddrPort) []ipvs.Destination {
	left := make([]ipvs.Destination, 0, len(all)-len(some))
	for _, d := range all {
		if len(some) > 0 && some[0] == d.Key() {
			some = some[1:]
		} else {
			left = append(left, d)
		}
	}
	return left
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
