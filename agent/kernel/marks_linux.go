// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/mark"
)

// marks is our nftables table.
type marks struct {
	// mu is held for one reading or one transaction.
	mu  sync.Mutex
	nft nft
	// read is what the table was at a generation, so that a table that nobody changed costs one question.
	read       marksTable
	generation uint32
	known      bool
}

// marksTable is what our table does.
type marksTable struct {
	rules []mark.Rule
	// tampered says that the table does what no rules of ours do, besides.
	tampered bool
}

// readMarks reads the rules of our table, in the order of the chain. Tampered says that somebody changed the table so that
// the rules do not say all that it does. No table: no rules.
func (k *Kernel) readMarks(ctx context.Context) (rules []mark.Rule, tampered bool, err error) {
	k.marks.mu.Lock()
	defer k.marks.mu.Unlock()
	read, err := k.marks.current(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("read the nftables table %s: %w", mark.Table, advise(err))
	}
	return slices.Clone(read.rules), read.tampered, nil
}

// current reads our table, again if any table changed meanwhile.
func (m *marks) current(ctx context.Context) (marksTable, error) {
	for range dumpTries {
		if err := context.Cause(ctx); err != nil {
			return marksTable{}, err
		}
		generation, err := m.nft.generation()
		if errors.Is(err, errNoNFTables) {
			return marksTable{}, nil
		}
		if err != nil {
			return marksTable{}, err
		}
		if m.known && generation == m.generation {
			return m.read, nil
		}
		m.known = false
		read, err := m.table()
		after, afterErr := m.nft.generation()
		if afterErr != nil {
			return marksTable{}, afterErr
		}
		if after != generation || errors.Is(err, nl.ErrDumpInterrupted) {
			continue
		}
		if err != nil {
			return marksTable{}, err
		}
		m.read, m.generation, m.known = read, generation, true
		return read, nil
	}
	return marksTable{}, fmt.Errorf("nftables changed each of the %d times that it was read; find out who changes it all the time (nft monitor)", dumpTries)
}

// table reads our table.
func (m *marks) table() (marksTable, error) {
	table, err := m.nft.askOne(unix.NFT_MSG_GETTABLE, unix.NFPROTO_INET, inTable(mark.Table)...)
	if errors.Is(err, unix.ENOENT) {
		return marksTable{}, nil
	}
	if err != nil {
		return marksTable{}, err
	}
	ours, err := m.chainIsOurs()
	if err != nil {
		return marksTable{}, err
	}
	read, err := m.rules()
	read.tampered = read.tampered || !ours || table.network32(unix.NFTA_TABLE_FLAGS) != 0
	return read, err
}

// chainIsOurs says whether our table has one chain, as we write it. Nothing else in a table does anything by itself.
func (m *marks) chainIsOurs() (bool, error) {
	// Kernels before 6.3 list the chains of all tables.
	answers, err := m.nft.ask(unix.NFT_MSG_GETCHAIN, unix.NLM_F_DUMP, unix.NFPROTO_INET, inTable(mark.Table)...)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return false, err
	}
	chains, good := 0, 0
	for _, answer := range answers {
		chain, err := decodeAttributes(answer)
		if err != nil {
			return false, err
		}
		if chain.text(unix.NFTA_CHAIN_TABLE) != mark.Table {
			continue
		}
		hook, err := decodeAttributes(chain[unix.NFTA_CHAIN_HOOK])
		if err != nil {
			return false, err
		}
		chains++
		if chain.text(unix.NFTA_CHAIN_NAME) == mark.Chain && chain.text(unix.NFTA_CHAIN_TYPE) == chainType &&
			chain.network32(unix.NFTA_CHAIN_POLICY) == nfAccept && hook.network32(unix.NFTA_HOOK_HOOKNUM) == nfPreRouting &&
			int32(hook.network32(unix.NFTA_HOOK_PRIORITY)) == mark.ChainPriority {
			good++
		}
	}
	return chains == 1 && good == 1, nil
}

// rules reads the rules of our chain.
func (m *marks) rules() (marksTable, error) {
	about := append(inTable(mark.Table), nl.NewRtAttr(unix.NFTA_RULE_CHAIN, nl.ZeroTerminated(mark.Chain)))
	answers, err := m.nft.ask(unix.NFT_MSG_GETRULE, unix.NLM_F_DUMP, unix.NFPROTO_INET, about...)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return marksTable{}, err
	}
	read := marksTable{tampered: len(answers) == 0}
	for i, answer := range answers {
		steps, err := m.steps(answer)
		if err != nil {
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

// steps reads one rule, with what the sets hold that it looks up in.
func (m *marks) steps(answer []byte) ([]expression, error) {
	a, err := decodeAttributes(answer)
	if err != nil {
		return nil, err
	}
	steps, err := decodeSteps(a[unix.NFTA_RULE_EXPRESSIONS])
	if err != nil {
		return nil, err
	}
	for i, step := range steps {
		if step.set == nil {
			continue
		}
		if steps[i].elements, err = m.elements(step.set); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// elements reads what a set holds; one that is gone holds nothing.
func (m *marks) elements(name []byte) ([]element, error) {
	attributes := append(inTable(mark.Table), nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_SET, name))
	answers, err := m.nft.ask(unix.NFT_MSG_GETSETELEM, unix.NLM_F_DUMP, unix.NFPROTO_INET, attributes...)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, err
	}
	return decodeElements(answers)
}
