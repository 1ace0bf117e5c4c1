// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"context"
	"fmt"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/mark"
)

// marks is our nftables table of firewall marks.
type marks struct{ watchedTable[marksTable] }

// marksTable is what our table does.
type marksTable struct {
	rules []mark.Rule
	// tampered says that the table does what no rules of ours do, besides.
	tampered bool
}

// readMarks reads the rules of our table, in the order of the chain. Tampered says that somebody changed the table so that
// the rules do not say all that it does. No table: no rules.
func (k *Kernel) readMarks(ctx context.Context) (rules []mark.Rule, tampered bool, err error) {
	read, err := k.marks.current(ctx, k.marks.table)
	if err != nil {
		return nil, false, fmt.Errorf("read the nftables table %s: %w", mark.Table, advise(err))
	}
	return slices.Clone(read.rules), read.tampered, nil
}

// table reads our table.
func (m *marks) table() (marksTable, error) {
	there, plain, err := m.nft.hasTable(ofMarks)
	if err != nil || !there {
		return marksTable{}, err
	}
	ours, err := m.nft.hasOneChain(ofMarks, mark.Chain, nfPreRouting, mark.ChainPriority)
	if err != nil {
		return marksTable{}, err
	}
	read, err := m.rules()
	read.tampered = read.tampered || !ours || !plain
	return read, err
}

// rules reads the rules of our chain.
func (m *marks) rules() (marksTable, error) {
	rules, err := m.nft.rules(ofMarks, mark.Chain)
	if err != nil {
		return marksTable{}, err
	}
	read := marksTable{tampered: len(rules) == 0}
	for i, steps := range rules {
		if err := m.fill(steps); err != nil {
			return marksTable{}, err
		}
		if i == 0 {
			read.tampered = !slices.EqualFunc(steps, firstRule(), expression.equal)
		} else if rule, ours := decodeRule(steps); ours {
			read.rules = append(read.rules, rule)
		} else {
			read.tampered = true
		}
	}
	return read, nil
}

// fill reads what the sets hold that a rule looks up in.
func (m *marks) fill(steps []expression) (err error) {
	for i, step := range steps {
		if step.set == nil {
			continue
		}
		if steps[i].elements, err = m.nft.elements(ofMarks, step.set); err != nil {
			return err
		}
	}
	return nil
}
