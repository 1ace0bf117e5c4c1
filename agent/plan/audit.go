// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// BeginRound begins an audit of the whole table, which is read bit by bit and told to Learn.
func (l *Ledger) BeginRound() { l.round++ }

// Unseen are the services that should be in the kernel and that nobody has read since the round began, sorted: somebody may
// have deleted them. They have to be read by name.
func (l *Ledger) Unseen() []ipvs.ServiceKey {
	var unseen []ipvs.ServiceKey
	for key, a := range l.accounts {
		if a.exists && a.round != l.round {
			unseen = append(unseen, key)
		}
	}
	slices.SortFunc(unseen, ipvs.ServiceKey.Compare)
	return unseen
}
