// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"slices"
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
		a.reportDue = a.reportDue || len(a.tableProblems) > 0
		a.tableProblems = nil
		return false
	}
	readings, err := a.kernel.Table(ctx, a.owned().Owns)
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		a.tableProblems, a.reportDue = a.everyGroup(err), true
		return false
	}
	a.tableProblems, a.tableRead, a.reportDue = nil, true, true
	// What has just been read need not be audited, and virtual IPs and marks that waited for it can come.
	a.audited, a.nodeDue = now, true
	a.ledger.LearnAll(readings, now)
	a.learnPaths()
	a.endListing()
	a.takeChanges(now)
	for key, drains := range a.restoredDrains {
		a.ledger.RestoreDrains(key, drains)
	}
	a.restoredDrains = nil
	return true
}

// audit reads a part of the table and compares it with what is known. It returns the services that somebody else has changed.
// What cannot be read does not keep the rest from being read.
func (a *Agent) audit(ctx context.Context, now time.Time) ([]ipvs.ServiceKey, error) {
	unsettledErr := a.readUnsettled(ctx, now)
	if len(a.unseen) > 0 {
		changed, err := a.readUnseen(ctx, now)
		return changed, errors.Join(unsettledErr, err)
	}
	if a.listing == nil {
		a.ledger.BeginRound()
		a.listing = a.kernel.List()
	}
	readings, more, err := a.listing.Next(ctx, auditStep, a.owned().Owns)
	if err != nil {
		a.endListing()
		return nil, errors.Join(unsettledErr, err)
	}
	changed, err := a.compare(ctx, readings, now)
	if !more {
		a.endListing()
		a.unseen = a.ledger.Unseen()
		if len(readings)+len(a.unseen) <= auditStep {
			gone, unseenErr := a.readUnseen(ctx, now)
			changed, err = append(changed, gone...), errors.Join(err, unseenErr)
		}
	}
	return changed, errors.Join(unsettledErr, err)
}

// readUnsettled reads services of which something is left undone, a step of them in turn.
func (a *Agent) readUnsettled(ctx context.Context, now time.Time) error {
	unsettled := a.ledger.Unsettled()
	if len(unsettled) > auditStep {
		from, found := slices.BinarySearchFunc(unsettled, a.unsettledAfter, ipvs.ServiceKey.Compare)
		if found {
			from++
		}
		unsettled = slices.Concat(unsettled[from:], unsettled[:from])[:auditStep]
		a.unsettledAfter = unsettled[auditStep-1]
	}
	if len(unsettled) == 0 {
		return nil
	}
	readings, err := a.kernel.Services(ctx, unsettled)
	if err == nil {
		a.ledger.Learn(unsettled, readings, now)
	}
	return err
}

// readUnseen reads by name services that a whole round did not show, a step of them.
func (a *Agent) readUnseen(ctx context.Context, now time.Time) ([]ipvs.ServiceKey, error) {
	step := a.unseen[:min(len(a.unseen), auditStep)]
	readings, err := a.kernel.Services(ctx, step)
	if err != nil {
		return nil, err
	}
	a.unseen = a.unseen[len(step):]
	return a.ledger.Learn(step, readings, now), nil
}

// compare tells the ledger what a listing showed. A listing is a little old: what differs is read once more before it counts.
func (a *Agent) compare(ctx context.Context, readings []ipvs.Reading, now time.Time) ([]ipvs.ServiceKey, error) {
	var same []ipvs.Reading
	var differing []ipvs.ServiceKey
	for _, reading := range readings {
		if a.ledger.Differs(reading) {
			differing = append(differing, reading.Service.Key)
		} else {
			same = append(same, reading)
		}
	}
	a.ledger.Learn(keysOf(same), same, now)
	if len(differing) == 0 {
		return nil, nil
	}
	again, err := a.kernel.Services(ctx, differing)
	if err != nil {
		return nil, err
	}
	return a.ledger.Learn(differing, again, now), nil
}

// endListing gives up the round of the audit.
func (a *Agent) endListing() {
	if a.listing != nil {
		a.listing.Close()
		a.listing = nil
	}
	a.unseen = nil
}

func keysOf(readings []ipvs.Reading) []ipvs.ServiceKey {
	keys := make([]ipvs.ServiceKey, 0, len(readings))
	for _, reading := range readings {
		keys = append(keys, reading.Service.Key)
	}
	return keys
}
