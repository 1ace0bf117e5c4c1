// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// watchedTable is a table of ours of which somebody else's changes are noticed.
type watchedTable[T any] struct {
	// mu is held for one reading or one transaction.
	mu  sync.Mutex
	nft nft
	// last is what the table was at a generation, so that a table that nobody changed costs one question.
	last       T
	generation uint32
	known      bool
}

// current reads the table with a function, again if any table changed meanwhile. The zero value: the kernel has no nf_tables.
func (w *watchedTable[T]) current(ctx context.Context, read func() (T, error)) (T, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var none T
	for range dumpTries {
		if err := context.Cause(ctx); err != nil {
			return none, err
		}
		generation, err := w.nft.generation()
		if errors.Is(err, errNoNFTables) {
			return none, nil
		}
		if err != nil {
			return none, err
		}
		if w.known && generation == w.generation {
			return w.last, nil
		}
		w.known = false
		now, err := read()
		after, afterErr := w.nft.generation()
		if afterErr != nil {
			return none, afterErr
		}
		if after != generation || errors.Is(err, nl.ErrDumpInterrupted) {
			continue
		}
		if err != nil {
			return none, err
		}
		w.last, w.generation, w.known = now, generation, true
		return now, nil
	}
	return none, fmt.Errorf("nftables changed each of the %d times that it was read; find out who changes it all the time (nft monitor)", dumpTries)
}

// hasTable says whether there is the table, and whether it is plain: it has no flags, as one that is dormant has.
func (n *nft) hasTable(table nftTable) (there, plain bool, err error) {
	answer, err := n.askOne(unix.NFT_MSG_GETTABLE, table.family, inTable(table.name)...)
	if errors.Is(err, unix.ENOENT) {
		return false, false, nil
	}
	return err == nil, answer.network32(unix.NFTA_TABLE_FLAGS) == 0, err
}

// hasOneChain says whether a table has one chain, as newChain makes it. Nothing else in a table does anything by itself.
func (n *nft) hasOneChain(table nftTable, name string, hook uint32, priority int32) (bool, error) {
	// Kernels before 6.3 list the chains of all tables.
	answers, err := n.ask(unix.NFT_MSG_GETCHAIN, unix.NLM_F_DUMP, table.family, inTable(table.name)...)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return false, err
	}
	chains, good := 0, 0
	for _, answer := range answers {
		chain, err := decodeAttributes(answer)
		if err != nil {
			return false, err
		}
		if chain.text(unix.NFTA_CHAIN_TABLE) != table.name {
			continue
		}
		at, err := decodeAttributes(chain[unix.NFTA_CHAIN_HOOK])
		if err != nil {
			return false, err
		}
		chains++
		if chain.text(unix.NFTA_CHAIN_NAME) == name && chain.text(unix.NFTA_CHAIN_TYPE) == chainType &&
			chain.network32(unix.NFTA_CHAIN_POLICY) == nfAccept && at.network32(unix.NFTA_HOOK_HOOKNUM) == hook &&
			int32(at.network32(unix.NFTA_HOOK_PRIORITY)) == priority {
			good++
		}
	}
	return chains == 1 && good == 1, nil
}

// rules reads the rules of a chain, without what their sets hold. A chain that is gone has none.
func (n *nft) rules(table nftTable, chain string) ([][]expression, error) {
	about := append(inTable(table.name), nl.NewRtAttr(unix.NFTA_RULE_CHAIN, nl.ZeroTerminated(chain)))
	answers, err := n.ask(unix.NFT_MSG_GETRULE, unix.NLM_F_DUMP, table.family, about...)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, err
	}
	rules := make([][]expression, 0, len(answers))
	for _, answer := range answers {
		a, err := decodeAttributes(answer)
		if err != nil {
			return nil, err
		}
		steps, err := decodeSteps(a[unix.NFTA_RULE_EXPRESSIONS])
		if err != nil {
			return nil, err
		}
		rules = append(rules, steps)
	}
	return rules, nil
}

// elements reads what a set holds; one that is gone holds nothing.
func (n *nft) elements(table nftTable, name []byte) ([]element, error) {
	attributes := append(inTable(table.name), nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_SET, name))
	answers, err := n.ask(unix.NFT_MSG_GETSETELEM, unix.NLM_F_DUMP, table.family, attributes...)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, err
	}
	return decodeElements(answers)
}
