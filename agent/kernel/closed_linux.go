// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// AcceptTable is our nftables table of family inet that closes virtual IPs: packets to them that IPVS did not take are dropped and
// counted, for this node and whatever listens on it. There is none where nothing is closed.
const AcceptTable = "lvs-operator-accept"

// closedTable is what our table does.
type closedTable struct {
	// addresses are closed, sorted.
	addresses []netip.Addr
	// tampered says that somebody changed the table so that it does anything else.
	tampered bool
}

// closed is our table of closed virtual IPs.
type closed struct{ watchedTable[closedTable] }

// readClosed reads the closed virtual IPs, sorted. Tampered says that somebody changed our table so that they do not say all that it does.
// No table: none.
func (k *Kernel) readClosed(ctx context.Context) (addresses []netip.Addr, tampered bool, err error) {
	read, err := k.closed.current(ctx, k.closed.table)
	if err != nil {
		return nil, false, fmt.Errorf("read the nftables table %s: %w", AcceptTable, advise(err))
	}
	return slices.Clone(read.addresses), read.tampered, nil
}

// table reads our table. One that closes nothing is none of ours.
func (c *closed) table() (closedTable, error) {
	there, plain, err := c.nft.hasTable(ofClosed)
	if err != nil || !there {
		return closedTable{}, err
	}
	chain, err := c.nft.hasOneChain(ofClosed, closedChain, nfLocalIn, behindIPVS)
	if err != nil {
		return closedTable{}, err
	}
	rules, err := c.nft.rules(ofClosed, closedChain)
	if err != nil {
		return closedTable{}, err
	}
	read := closedTable{tampered: !plain || !chain || !slices.EqualFunc(rules, closedRules(), sameRule)}
	for _, family := range bothFamilies {
		elements, err := c.nft.elements(ofClosed, nl.ZeroTerminated(closedSet(family)))
		if err != nil {
			return closedTable{}, err
		}
		for _, e := range elements {
			address, ok := netip.AddrFromSlice([]byte(e.key))
			read.tampered = read.tampered || !ok || ipvs.FamilyOf(address) != family || e.flags != 0 || e.foreign
			read.addresses = append(read.addresses, address)
		}
	}
	read.tampered = read.tampered || len(read.addresses) == 0
	return read, nil
}

// sameRule says that a rule that was read does what one does that we write, whatever it has counted.
func sameRule(read, written []expression) bool {
	return slices.EqualFunc(read, written, func(a, b expression) bool {
		if a.name == "counter" {
			return b.name == "counter"
		}
		if a.name == "lookup" && b.name == "lookup" {
			return bytes.Equal(a.set, b.attributes[unix.NFTA_LOOKUP_SET]) && isZero(a.attributes[unix.NFTA_LOOKUP_FLAGS])
		}
		return a.equal(b)
	})
}

// setClosed makes the addresses the closed ones, in one transaction. With none the table goes, which succeeds where there is none.
func (k *Kernel) setClosed(addresses []netip.Addr) error {
	messages, err := closedMessages(addresses)
	if err != nil {
		return fmt.Errorf("write the nftables table %s: %w", AcceptTable, err)
	}
	k.closed.mu.Lock()
	defer k.closed.mu.Unlock()
	err = k.closed.nft.commit(messages)
	switch {
	case err == nil, errors.Is(err, errNoNFTables) && len(addresses) == 0:
		return nil
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("write the nftables table %s: the kernel lacks a part of nf_tables: load the module nft_counter on this node "+
			"(modprobe nft_counter): %w", AcceptTable, err)
	default:
		return fmt.Errorf("close %d virtual IPs in the nftables table %s: %w", len(addresses), AcceptTable, advise(err))
	}
}
