// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
)

// diffMarks compares the rules that give marks, and the policy routes that bring marked packets for addresses of others to
// IPVS. A route comes before the rules that lead to it, and goes after them.
func diffMarks(in In) []Operation {
	if in.Actual.MarksErr != nil {
		return nil
	}
	var operations []Operation
	wanted := policyRules(in.Marks)
	families := familiesOf(wanted)
	for _, family := range families {
		if !slices.Contains(in.Actual.Routes, family) {
			operations = append(operations, &AddRoute{family})
		}
	}
	for _, rule := range wanted {
		if !slices.Contains(in.Actual.Rules, rule) {
			operations = append(operations, (*AddRule)(&rule))
		}
	}
	if in.Actual.MarksTampered || !slices.EqualFunc(in.Marks, in.Actual.Marks, mark.Rule.Equal) {
		operations = append(operations, &SetMarks{in.Marks})
	}
	for _, rule := range sortedRules(in.Actual.Rules) {
		if !slices.Contains(wanted, rule) {
			operations = append(operations, (*DeleteRule)(&rule))
		}
	}
	for _, family := range []ipvs.Family{ipvs.IPv4, ipvs.IPv6} {
		if slices.Contains(in.Actual.Routes, family) && !slices.Contains(families, family) {
			operations = append(operations, &DeleteRoute{family})
		}
	}
	return operations
}

// policyRules are those that the marks need, sorted: one a mark. A packet to an address of this node reaches IPVS without, but
// a single address may also be somebody else's.
func policyRules(marks []mark.Rule) []PolicyRule {
	rules := make([]PolicyRule, 0, len(marks))
	for _, rule := range marks {
		rules = append(rules, PolicyRule{rule.Mark, rule.Family})
	}
	return slices.Compact(sortedRules(rules))
}

func sortedRules(rules []PolicyRule) []PolicyRule {
	return slices.SortedFunc(slices.Values(rules), func(a, b PolicyRule) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Mark, b.Mark))
	})
}

// familiesOf are the families of sorted rules, each once.
func familiesOf(rules []PolicyRule) []ipvs.Family {
	families := make([]ipvs.Family, 0, len(rules))
	for _, rule := range rules {
		families = append(families, rule.Family)
	}
	return slices.Compact(families)
}
