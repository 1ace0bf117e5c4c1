// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// drain is the end of a real server that its service no longer has: at weight 0 it gets no new connections, and is deleted
// when it has none left or when its time is over. Should it come back in the meantime, its weight does, and its connections
// never know.
type drain struct {
	// since is since when it has been seen at weight 0; zero: it has not been.
	since time.Time
	until time.Time
	// idle says that the last reading, at weight 0, showed no connection to wait for.
	idle bool
	// ended says that it was idle after the settling time when it was read to see that.
	ended bool
}

// settling is how long a real server stays at weight 0 before "no established connection" counts: a connection whose
// handshake was under way is established by then.
const settling = 3 * time.Second

// over says whether the real server can be deleted.
func (d drain) over(now time.Time) bool { return d.ended || !now.Before(d.until) }

// endIdle ends the drains of real servers that nobody is connected to any more. Only Learn does: a connection that ends while
// other operations are carried out is nothing that these left undone.
func (a *account) endIdle(now time.Time) {
	for at, d := range a.drains {
		d.ended = d.idle && now.Sub(d.since) >= settling
		a.drains[at] = d
	}
}

// beginDrains starts to drain the real servers that served and are not wanted any more. One that was down just goes.
func (l *Ledger) beginDrains(key ipvs.ServiceKey, a *account, wanted *Wanted, now time.Time) {
	if !a.exists {
		return
	}
	for _, d := range a.known.Destinations {
		at := d.Key()
		switch {
		case wanted.has(at):
			if _, draining := a.drains[at]; draining {
				delete(a.drains, at)
				l.drainChanges[key] = struct{}{}
			}
		case wanted.Drain <= 0 || !a.wanted.serves(at):
		default:
			if a.drains == nil {
				a.drains = map[netip.AddrPort]drain{}
			}
			a.drains[at] = drain{until: now.Add(wanted.Drain)}
			l.draining[key], l.drainChanges[key] = struct{}{}, struct{}{}
		}
	}
	if len(a.drains) == 0 {
		l.endDrains(key, a)
	}
}

func (l *Ledger) endDrains(key ipvs.ServiceKey, a *account) {
	if len(a.drains) > 0 {
		l.drainChanges[key] = struct{}{}
	}
	a.drains = nil
	delete(l.draining, key)
}

// watchDrains takes over what a reading says of the connections of real servers that drain. A nil reading is of a service that
// does not exist.
func (l *Ledger) watchDrains(key ipvs.ServiceKey, a *account, reading *ipvs.Reading, now time.Time) {
	if len(a.drains) == 0 {
		return
	}
	left := make(map[netip.AddrPort]drain, len(a.drains))
	if reading != nil {
		for i, destination := range reading.Destinations {
			d, draining := a.drains[destination.Key()]
			if !draining {
				continue
			}
			switch {
			case destination.Weight != 0:
				d.since = time.Time{}
			case d.since.IsZero():
				d.since = now
			}
			d.idle = destination.Weight == 0 && i < len(reading.Connections) && noneLeft(key, reading.Connections[i])
			left[destination.Key()] = d
		}
	}
	if len(left) != len(a.drains) {
		l.drainChanges[key] = struct{}{}
	}
	a.drains = left
	if len(left) == 0 {
		l.endDrains(key, a)
	}
}

// noneLeft says whether there is no connection to wait for. IPVS counts no UDP connection as active, so there, and where a
// firewall mark may be of UDP, all of them count. Templates of persistence do not: at weight 0 they bind nobody
// (net.ipv4.vs.expire_quiescent_template).
func noneLeft(key ipvs.ServiceKey, c ipvs.Connections) bool {
	if key.Protocol == ipvs.TCP || key.Protocol == ipvs.SCTP {
		return c.Active == 0
	}
	return c.Active == 0 && c.Inactive == 0
}

// TakeDrainChanges returns the services of which a drain began or ended since the last call, sorted.
func (l *Ledger) TakeDrainChanges() []ipvs.ServiceKey {
	changed := sortedKeys(l.drainChanges)
	if len(changed) > 0 {
		l.drainChanges = map[ipvs.ServiceKey]struct{}{}
	}
	return changed
}

// Drains are the real servers of a service that drain, with the time at which each is deleted at the latest.
func (l *Ledger) Drains(key ipvs.ServiceKey) map[netip.AddrPort]time.Time {
	a, known := l.accounts[key]
	if !known || len(a.drains) == 0 {
		return nil
	}
	drains := make(map[netip.AddrPort]time.Time, len(a.drains))
	for at, d := range a.drains {
		drains[at] = d.until
	}
	return drains
}

// Draining are the real servers that drain, as the kernel has them.
func (l *Ledger) Draining() iter.Seq2[ipvs.ServiceKey, ipvs.Destination] {
	return func(yield func(ipvs.ServiceKey, ipvs.Destination) bool) {
		for key := range l.draining {
			a := l.accounts[key]
			for _, d := range a.known.Destinations {
				if _, draining := a.drains[d.Key()]; draining && !yield(key, d) {
					return
				}
			}
		}
	}
}

// RestoreDrains goes on with what an earlier Ledger's Drains said of a service, for the real servers that are in the kernel
// and are not wanted.
func (l *Ledger) RestoreDrains(key ipvs.ServiceKey, drains map[netip.AddrPort]time.Time) {
	a, known := l.accounts[key]
	if !known || !a.exists || a.wanted == nil {
		return
	}
	for at, until := range drains {
		there := slices.ContainsFunc(a.known.Destinations, func(d ipvs.Destination) bool { return d.Key() == at })
		if !there || a.wanted.has(at) {
			continue
		}
		if a.drains == nil {
			a.drains = map[netip.AddrPort]drain{}
		}
		a.drains[at] = drain{until: until}
		l.draining[key] = struct{}{}
		l.due.add(a)
	}
}

// has says whether a real server is one of the service's, serving or down.
func (w *Wanted) has(at netip.AddrPort) bool { return w.serves(at) || w.isDown(at) }

func (w *Wanted) serves(at netip.AddrPort) bool {
	_, serving := slices.BinarySearchFunc(w.Destinations, at, func(d ipvs.Destination, at netip.AddrPort) int { return d.Key().Compare(at) })
	return serving
}

func (w *Wanted) isDown(at netip.AddrPort) bool {
	_, down := slices.BinarySearchFunc(w.Down, at, netip.AddrPort.Compare)
	return down
}
