// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"iter"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// Wanted is one IPVS service as it should be. The ledger keeps it: nobody may change it, or its lists, afterwards.
type Wanted struct {
	// Entry is the service with the real servers that serve now: healthy or unchecked, sorted.
	ipvs.Entry
	// Down are the service's other real servers, sorted: one that is in the kernel is deleted at once.
	Down []netip.AddrPort
	// Drain is how long a real server that the service no longer has keeps its connections; 0: it is deleted at once.
	Drain time.Duration
}

// Ledger holds, service by service, what is wanted of the kernel's IPVS table and what the kernel is known to have, and
// which services are due to be compared. So the work for a change is in proportion to the change. It only compares: its
// owner reads the kernel, tells what was read, and carries the operations out.
//
//	Want, Unwant ----> due ----Plan----> operations ----(kernel)----> Settle ----> at rest
//	Learn: differs --> due                                              |
//	                    ^---------- Unsettled, read again <-- left undone, or draining
//
// Whatever the order in which things are wanted and learned, the same end leads to the same table.
type Ledger struct {
	accounts map[ipvs.ServiceKey]*account
	due      queue
	// unsettled services have something left undone: the kernel refused it, or could not be read back.
	unsettled map[ipvs.ServiceKey]struct{}
	draining  map[ipvs.ServiceKey]struct{}
	// drainChanges are the services of which a drain began or ended since TakeDrainChanges.
	drainChanges map[ipvs.ServiceKey]struct{}
	// wanted is the number of services that are wanted.
	wanted int
	round  uint32
	// planned are the operations of the last Plan: the parts of a long load share their memory.
	planned script
}

// account is one service: both sides.
type account struct {
	key ipvs.ServiceKey
	// due says that the two sides are to be compared: the account is in the queue.
	due bool
	// wanted is nil where the service has to go.
	wanted *Wanted
	// known is what the kernel had when it was last read; meaningful only where exists.
	known  ipvs.Entry
	exists bool
	// doubted says that known may be wrong: the service could not be read back after it was changed.
	doubted bool
	// drains are of real servers that are known and not wanted.
	drains map[netip.AddrPort]drain
	// round is the last one in which the service was read or wanted.
	round uint32
}

// NewLedger is a ledger in which nothing is wanted and nothing is known.
func NewLedger() *Ledger {
	return &Ledger{
		accounts:     map[ipvs.ServiceKey]*account{},
		unsettled:    map[ipvs.ServiceKey]struct{}{},
		draining:     map[ipvs.ServiceKey]struct{}{},
		drainChanges: map[ipvs.ServiceKey]struct{}{},
	}
}

// Want makes the service as it should be, in the place of what was wanted of it before. A real server that was wanted and no
// longer is begins to drain.
func (l *Ledger) Want(wanted *Wanted, now time.Time) {
	key := wanted.Service.Key
	a := l.account(key)
	if a.wanted == nil {
		l.wanted++
	} else {
		l.beginDrains(key, a, wanted, now)
	}
	a.wanted = wanted
	l.due.add(a)
}

// Unwant says that the service has to go.
func (l *Ledger) Unwant(key ipvs.ServiceKey) {
	a, known := l.accounts[key]
	if !known || a.wanted == nil {
		return
	}
	l.wanted--
	a.wanted = nil
	l.endDrains(key, a)
	l.due.add(a)
}

// Len is the number of services that are wanted.
func (l *Ledger) Len() int { return l.wanted }

// Due says whether a service is due to be compared.
func (l *Ledger) Due() bool { return l.due.len() > 0 }

// Settled says that nothing is left to do for a service, as far as is known.
func (l *Ledger) Settled(key ipvs.ServiceKey) bool {
	_, unsettled := l.unsettled[key]
	a, known := l.accounts[key]
	return !unsettled && (!known || !a.due)
}

// Known is what the kernel is known to have of a service; false: nothing.
func (l *Ledger) Known(key ipvs.ServiceKey) (ipvs.Entry, bool) {
	a, known := l.accounts[key]
	if !known || !a.exists {
		return ipvs.Entry{}, false
	}
	return a.known, true
}

// KnownByMark are the services by a firewall mark of a range that the kernel is known to have, in no order.
func (l *Ledger) KnownByMark(within ipvs.MarkRange) iter.Seq[ipvs.Entry] {
	return func(yield func(ipvs.Entry) bool) {
		for key, a := range l.accounts {
			if key.Mark != 0 && a.exists && within.Has(key.Mark) && !yield(a.known) {
				return
			}
		}
	}
}

// estimate is how many operations a service that is due is thought to need.
const estimate = 12

// mostChanged is the most services that one Plan changes: each of them has to be read back.
const mostChanged = 1000

// Plan compares services that are due, and returns the operations that bring the kernel to what is wanted, in order, and the
// services that they change. About most operations are returned at once, on at most 1,000 services: what is not compared yet
// stays due. Services whose operations were carried out have to be read back, for Settle. The operations are good until the
// next Plan.
//
// What is new comes before what goes, so that no service is without destinations in between. What can be changed in place is
// never deleted.
func (l *Ledger) Plan(now time.Time, most int) ([]Operation, []ipvs.ServiceKey) {
	planned := &l.planned
	planned.begin(min(most+most/8, estimate*l.due.len()))
	var changed []ipvs.ServiceKey
	for planned.len() < most && len(changed) < mostChanged {
		a := l.due.take()
		if a == nil {
			break
		}
		before := planned.len()
		if a.operations(now, planned); planned.len() > before {
			changed = append(changed, a.key)
		}
		l.forgetEmpty(a)
	}
	operations := planned.all()
	if l.due.len() == 0 {
		// The room of a long load goes with its last part.
		l.planned = script{}
	}
	return operations, changed
}

// Settle tells what the named services are after operations were carried out; one without a reading does not exist. It
// returns what is left undone. Those services are unsettled until they are read again.
func (l *Ledger) Settle(keys []ipvs.ServiceKey, readings []ipvs.Reading, now time.Time) []Operation {
	l.learn(keys, readings, now)
	var left script
	for _, key := range keys {
		a, known := l.accounts[key]
		if !known {
			continue
		}
		before := left.len()
		if a.operations(now, &left); left.len() > before {
			l.unsettled[key] = struct{}{}
		} else {
			delete(l.unsettled, key)
		}
		l.due.remove(a)
		l.forgetEmpty(a)
	}
	return left.all()
}

// Distrust says that the services could not be read back: what the kernel has of them is not known until they are read.
func (l *Ledger) Distrust(keys []ipvs.ServiceKey) {
	for _, key := range keys {
		l.account(key).doubted = true
		l.unsettled[key] = struct{}{}
	}
}

// Unsettled are the services to be read again from time to time, sorted: those that have something left undone, and those that
// wait for the connections of a real server. They are in proportion to what goes on, not to the table.
func (l *Ledger) Unsettled() []ipvs.ServiceKey {
	all := maps.Clone(l.draining)
	maps.Copy(all, l.unsettled)
	return sortedKeys(all)
}

// Learn tells what the named services are; one without a reading does not exist. It returns those that somebody else has
// changed since the kernel was last read; they are due, and so are those that were unsettled or that drain.
func (l *Ledger) Learn(keys []ipvs.ServiceKey, readings []ipvs.Reading, now time.Time) []ipvs.ServiceKey {
	changed := l.learn(keys, readings, now)
	for _, key := range changed {
		if a, known := l.accounts[key]; known {
			l.due.add(a)
		}
	}
	for _, key := range keys {
		_, open := l.unsettled[key]
		_, draining := l.draining[key]
		if draining {
			l.accounts[key].endIdle(now)
		}
		if open || draining {
			l.due.add(l.account(key))
			delete(l.unsettled, key)
		}
	}
	return changed
}

// LearnAll tells what the whole table is, as after a start: everything that differs is due, and is nobody's fault.
func (l *Ledger) LearnAll(readings []ipvs.Reading, now time.Time) {
	keys := make(map[ipvs.ServiceKey]struct{}, max(len(readings), len(l.accounts)))
	for key := range l.accounts {
		keys[key] = struct{}{}
	}
	for _, reading := range readings {
		keys[reading.Service.Key] = struct{}{}
	}
	l.Learn(sortedKeys(keys), readings, now)
}

// learn takes readings over. It returns the services that are not as they were known, apart from those that were doubted,
// sorted.
func (l *Ledger) learn(keys []ipvs.ServiceKey, readings []ipvs.Reading, now time.Time) []ipvs.ServiceKey {
	read := make(map[ipvs.ServiceKey]*ipvs.Reading, len(readings))
	for i := range readings {
		read[readings[i].Service.Key] = &readings[i]
	}
	var changed []ipvs.ServiceKey
	for _, key := range keys {
		a := l.account(key)
		reading, exists := read[key]
		if !a.doubted && (exists != a.exists || exists && !sameEntry(reading.Entry, a.known)) {
			changed = append(changed, key)
		}
		a.exists, a.doubted, a.round = exists, false, l.round
		if exists {
			a.take(reading)
		} else {
			a.known = ipvs.Entry{}
		}
		l.watchDrains(key, a, reading, now)
		l.forgetEmpty(a)
	}
	return changed
}

// take makes a reading what is known. Where it is what is wanted the two share their memory.
func (a *account) take(reading *ipvs.Reading) {
	switch {
	case a.wanted != nil && sameEntry(reading.Entry, a.wanted.Entry):
		a.known = a.wanted.Entry
	case sameEntry(reading.Entry, a.known):
	default:
		a.known = ipvs.Entry{Service: reading.Service, Destinations: slices.Clone(reading.Destinations)}
	}
}

// Differs says that a reading is not what is known of its service.
func (l *Ledger) Differs(reading ipvs.Reading) bool {
	a, known := l.accounts[reading.Service.Key]
	return !known || !a.exists || !sameEntry(reading.Entry, a.known)
}

func sameEntry(a, b ipvs.Entry) bool {
	return a.Service == b.Service && slices.Equal(a.Destinations, b.Destinations)
}

// account is that of a service, a new one if there is none.
func (l *Ledger) account(key ipvs.ServiceKey) *account {
	a, known := l.accounts[key]
	if !known {
		a = &account{key: key, round: l.round}
		l.accounts[key] = a
	}
	return a
}

// forgetEmpty drops the account of a service that is neither wanted nor there.
func (l *Ledger) forgetEmpty(a *account) {
	if a.wanted != nil || a.exists || a.doubted || a.due {
		return
	}
	delete(l.accounts, a.key)
	delete(l.unsettled, a.key)
	delete(l.draining, a.key)
}

func sortedKeys(keys map[ipvs.ServiceKey]struct{}) []ipvs.ServiceKey {
	return slices.SortedFunc(maps.Keys(keys), ipvs.ServiceKey.Compare)
}
