// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// auditStep is about how many services an audit reads: with the audit's interval it bounds what the search for drift costs,
// whatever the size of the table. 1,000 services every 5 s see 10,000 services in 50 s.
const auditStep = 1000

// ownership notes that the node owns something else than before: what it gave up stays ours until it is empty, and in what
// it got there may be services that nobody has read yet.
func (a *Agent) ownership(before ipvs.Ownership) {
	now := a.desired.Node().Owned()
	if now.Equal(before) {
		return
	}
	a.releasing = ipvs.Union(a.releasing, before).Without(now)
	if !now.Without(before).IsZero() {
		a.tableRead = false
	}
}

// readTable reads the whole table once: at the start, when the node owns more than before, and after the kernel lost it. Then
// it lets the ledger know what is wanted. It says whether the ledger can be used.
func (a *Agent) readTable(ctx context.Context, now time.Time) bool {
	if a.tableRead {
		a.takeChanges(now)
		return true
	}
	if a.owned().IsZero() {
		a.tableProblems = nil
		return false
	}
	readings, err := a.kernel.Table(ctx, a.owned().Owns)
	if err != nil {
		a.tableProblems = a.everyGroup(err)
		a.reportDue = true
		return false
	}
	a.tableProblems, a.tableRead = nil, true
	a.ledger.LearnAll(readings, now)
	a.endListing()
	a.takeChanges(now)
	for key, drains := range a.restoredDrains {
		a.ledger.RestoreDrains(key, drains)
	}
	a.restoredDrains = nil
	return true
}

// audit reads a part of the table and compares it with what is known, and the services of which something is left undone. It
// returns those that somebody else has changed.
func (a *Agent) audit(ctx context.Context, now time.Time) ([]ipvs.ServiceKey, error) {
	if unsettled := a.ledger.Unsettled(); len(unsettled) > 0 {
		readings, err := a.kernel.Services(ctx, unsettled)
		if err != nil {
			return nil, err
		}
		a.ledger.Learn(unsettled, readings, now)
	}
	if a.listing == nil {
		a.ledger.BeginRound()
		a.listing = a.kernel.List()
	}
	readings, more, err := a.listing.Next(ctx, auditStep, a.owned().Owns)
	if err != nil {
		a.endListing()
		return nil, err
	}
	changed := a.ledger.Learn(keysOf(readings), readings, now)
	if more {
		return changed, nil
	}
	a.endListing()
	unseen := a.ledger.Unseen()
	if len(unseen) == 0 {
		return changed, nil
	}
	if readings, err = a.kernel.Services(ctx, unseen); err != nil {
		return changed, err
	}
	return append(changed, a.ledger.Learn(unseen, readings, now)...), nil
}

func (a *Agent) endListing() {
	if a.listing != nil {
		a.listing.Close()
		a.listing = nil
	}
}

func keysOf(readings []ipvs.Reading) []ipvs.ServiceKey {
	keys := make([]ipvs.ServiceKey, 0, len(readings))
	for _, reading := range readings {
		keys = append(keys, reading.Service.Key)
	}
	return keys
}
