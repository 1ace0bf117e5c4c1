// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// toTable is FR_ACT_TO_TBL of linux/fib_rules.h: the packets that a rule is for are routed by a table.
const toTable = 1

// readRules reads our policy routing rules of both families: those with our protocol number, in the kernel's order.
func (k *Kernel) readRules() ([]plan.PolicyRule, error) {
	var rules []plan.PolicyRule
	for _, family := range families {
		ofFamily, err := k.readRulesOf(family)
		if err != nil {
			return nil, fmt.Errorf("read the %s policy routing rules: %w", family, advise(err))
		}
		rules = append(rules, ofFamily...)
	}
	return rules, nil
}

func (k *Kernel) readRulesOf(family ipvs.Family) ([]plan.PolicyRule, error) {
	messages, err := k.dump(unix.RTM_GETRULE, unix.RTM_NEWRULE, &nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(family)}})
	if notThere(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var rules []plan.PolicyRule
	for _, message := range messages {
		if len(message) < unix.SizeofRtMsg {
			return nil, fmt.Errorf("rule of %d bytes is shorter than its header", len(message))
		}
		header := nl.DeserializeRtMsg(message)
		a, err := decodeAttributes(message[unix.SizeofRtMsg:])
		if err != nil {
			return nil, err
		}
		if header.Family == uint8(family) && header.Type == toTable && isOurs(a) {
			rules = append(rules, plan.PolicyRule{Mark: a.native32(nl.FRA_FWMARK), Family: family})
		}
	}
	return rules, nil
}

// isOurs says whether a rule is one that policyRule makes.
func isOurs(a attributes) bool {
	protocol := a[nl.FRA_PROTOCOL]
	return len(protocol) == 1 && protocol[0] == plan.AddressProtocol &&
		a.native32(nl.FRA_PRIORITY) == mark.RulePriority && a.native32(nl.FRA_TABLE) == mark.RoutingTable &&
		a.native32(nl.FRA_FWMARK) != 0 && a.native32(nl.FRA_FWMASK) == math.MaxUint32
}

// addRule adds a rule. The kernel takes one that differs only in the protocol for the same: beside somebody's own, ours is
// added without asking.
func (k *Kernel) addRule(o plan.AddRule) error {
	err := k.change(unix.RTM_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, policyRule(plan.PolicyRule(o))...)
	if errors.Is(err, unix.EEXIST) {
		var rules []plan.PolicyRule
		if rules, err = k.readRulesOf(o.Family); err == nil && !slices.Contains(rules, plan.PolicyRule(o)) {
			err = k.change(unix.RTM_NEWRULE, unix.NLM_F_CREATE, policyRule(plan.PolicyRule(o))...)
		}
	}
	if err != nil {
		return fmt.Errorf("add the %s policy routing rule for firewall mark %d: %w", o.Family, o.Mark, advise(err))
	}
	return nil
}

// deleteRule deletes a rule. It succeeds where there is none.
func (k *Kernel) deleteRule(o plan.DeleteRule) error {
	if err := k.change(unix.RTM_DELRULE, 0, policyRule(plan.PolicyRule(o))...); err != nil && !notThere(err) {
		return fmt.Errorf("delete the %s policy routing rule for firewall mark %d: %w", o.Family, o.Mark, advise(err))
	}
	return nil
}

// policyRule is `fwmark MARK lookup TABLE` with our protocol number.
func policyRule(rule plan.PolicyRule) []nl.NetlinkRequestData {
	return []nl.NetlinkRequestData{
		&nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(rule.Family), Type: toTable}},
		nl.NewRtAttr(nl.FRA_PRIORITY, nl.Uint32Attr(mark.RulePriority)),
		nl.NewRtAttr(nl.FRA_TABLE, nl.Uint32Attr(mark.RoutingTable)),
		nl.NewRtAttr(nl.FRA_FWMARK, nl.Uint32Attr(rule.Mark)),
		nl.NewRtAttr(nl.FRA_FWMASK, nl.Uint32Attr(math.MaxUint32)),
		nl.NewRtAttr(nl.FRA_PROTOCOL, []byte{plan.AddressProtocol}),
	}
}
