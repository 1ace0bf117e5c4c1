// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/mark"
)

// ofMarks is our table of firewall marks.
var ofMarks = nftTable{unix.NFPROTO_INET, mark.Table}

// setName is how anonymous sets are called. The kernel would choose the number, and compare with all others for each.
const setName = "__set%d"

// setMarks makes valid rules the whole of our table, in one transaction. With none the table goes, which succeeds where
// there is none.
func (k *Kernel) setMarks(rules []mark.Rule) error {
	for _, rule := range rules {
		if err := rule.Validate(); err != nil {
			return fmt.Errorf("write the nftables table %s: %w", mark.Table, err)
		}
	}
	k.marks.mu.Lock()
	defer k.marks.mu.Unlock()
	err := k.marks.nft.commit(tableMessages(rules))
	switch {
	case errors.Is(err, errNoNFTables) && len(rules) == 0:
		return nil
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("write the nftables table %s: the kernel lacks a part of nf_tables: load the module nft_fib_inet on this node "+
			"(modprobe nft_fib_inet): %w", mark.Table, err)
	case errors.Is(err, unix.EMSGSIZE), errors.Is(err, unix.ENOBUFS):
		return fmt.Errorf("write the nftables table %s: %d rules are too many for one transaction; let fewer services match by firewall mark: %w",
			mark.Table, len(rules), err)
	case err != nil:
		return fmt.Errorf("write the nftables table %s with %d rules: %w", mark.Table, len(rules), advise(err))
	}
	return nil
}

// tableMessages delete our table and make it anew, if there are rules.
func tableMessages(rules []mark.Rule) []*nl.NetlinkRequest {
	messages := ofMarks.delete()
	if len(rules) == 0 {
		return messages
	}
	messages = append(messages, ofMarks.add(), ofMarks.newChain(mark.Chain, nfPreRouting, mark.ChainPriority))
	sets := 0
	messages = appendRule(messages, firstRule(), &sets)
	for _, rule := range rules {
		messages = appendRule(messages, encodeRule(rule), &sets)
	}
	return messages
}

// appendRule appends a rule, behind the sets that it looks up in. Sets is how many there are.
func appendRule(messages []*nl.NetlinkRequest, rule []expression, sets *int) []*nl.NetlinkRequest {
	for _, step := range rule {
		if step.name == "lookup" {
			name := nl.ZeroTerminated(fmt.Sprintf(setName, *sets))
			*sets++
			messages = append(messages,
				ofMarks.message(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE, setAttributes(name, *sets, step.of, step.elements)...),
				ofMarks.message(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, elementAttributes(name, step.elements)...))
			step.attributes[unix.NFTA_LOOKUP_SET] = name
		}
	}
	return append(messages, ofMarks.newRule(mark.Chain, rule))
}
