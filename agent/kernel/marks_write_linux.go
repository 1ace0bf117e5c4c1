// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"math"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/mark"
)

const (
	// nfAccept and nfPreRouting are NF_ACCEPT and NF_INET_PRE_ROUTING of linux/netfilter.h.
	nfAccept     = 1
	nfPreRouting = 0
	// chainType is the type of a chain that neither translates addresses nor routes again.
	chainType = "filter"
	// setName is how anonymous sets are called. The kernel would choose the number, and compare with all others for each.
	setName = "__set%d"
)

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

// tableMessages delete our table and make it anew, if there are rules. It is added first so that it can be deleted.
func tableMessages(rules []mark.Rule) []*nl.NetlinkRequest {
	messages := []*nl.NetlinkRequest{newTable(), nftMessage(unix.NFT_MSG_DELTABLE, 0, unix.NFPROTO_INET, inTable()...)}
	if len(rules) == 0 {
		return messages
	}
	messages = append(messages, newTable(), newChain())
	sets := 0
	messages = appendRule(messages, firstRule(), &sets)
	for _, rule := range rules {
		messages = appendRule(messages, encodeRule(rule), &sets)
	}
	return messages
}

// appendRule appends a rule, behind the sets that it looks up in. Sets is how many there are.
func appendRule(messages []*nl.NetlinkRequest, rule []expression, sets *int) []*nl.NetlinkRequest {
	steps := nl.NewRtAttr(unix.NFTA_RULE_EXPRESSIONS|unix.NLA_F_NESTED, nil)
	for _, step := range rule {
		if step.name == "lookup" {
			name := nl.ZeroTerminated(fmt.Sprintf(setName, *sets))
			*sets++
			messages = append(messages,
				nftMessage(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE, unix.NFPROTO_INET, setAttributes(name, *sets, step.of, step.elements)...),
				nftMessage(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, unix.NFPROTO_INET, elementAttributes(name, step.elements)...))
			step.attributes[unix.NFTA_LOOKUP_SET] = name
		}
		addStep(steps, step)
	}
	attributes := append(inTable(), nl.NewRtAttr(unix.NFTA_RULE_CHAIN, nl.ZeroTerminated(mark.Chain)), steps)
	return append(messages, nftMessage(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, unix.NFPROTO_INET, attributes...))
}

func newTable() *nl.NetlinkRequest {
	return nftMessage(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE, unix.NFPROTO_INET, inTable()...)
}

func newChain() *nl.NetlinkRequest {
	priority := int32(mark.ChainPriority)
	hook := nl.NewRtAttr(unix.NFTA_CHAIN_HOOK|unix.NLA_F_NESTED, nil)
	hook.AddRtAttr(unix.NFTA_HOOK_HOOKNUM, network32(nfPreRouting))
	hook.AddRtAttr(unix.NFTA_HOOK_PRIORITY, network32(uint32(priority)))
	return nftMessage(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, unix.NFPROTO_INET, append(inTable(),
		nl.NewRtAttr(unix.NFTA_CHAIN_NAME, nl.ZeroTerminated(mark.Chain)),
		nl.NewRtAttr(unix.NFTA_CHAIN_TYPE, nl.ZeroTerminated(chainType)),
		nl.NewRtAttr(unix.NFTA_CHAIN_POLICY, network32(nfAccept)),
		hook,
	)...)
}

// addStep appends an expression to those of a rule.
func addStep(steps *nl.RtAttr, step expression) {
	one := steps.AddRtAttr(unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED, nil)
	one.AddRtAttr(unix.NFTA_EXPR_NAME, nl.ZeroTerminated(step.name))
	data := one.AddRtAttr(unix.NFTA_EXPR_DATA|unix.NLA_F_NESTED, nil)
	for kind := range uint16(math.MaxUint8) {
		if value, ok := step.attributes[kind]; ok {
			data.AddRtAttr(int(kind), value)
		}
	}
}

// inTable names our table. NFTA_TABLE_NAME and, for other kinds of messages, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE,
// NFTA_SET_TABLE and NFTA_SET_ELEM_LIST_TABLE are one number.
func inTable() []*nl.RtAttr {
	return []*nl.RtAttr{nl.NewRtAttr(unix.NFTA_TABLE_NAME, nl.ZeroTerminated(mark.Table))}
}
