// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// actives are the directors whose claim to be Active for the virtual router counts.
func actives(id int32, directors []Director) []*Director {
	var active []*Director
	for i := range directors {
		if directors[i].router(id).claims() {
			active = append(active, &directors[i])
		}
	}
	return active
}

// activesOf are the directors that are Active for at least one of the virtual routers, by name.
func activesOf(ids []int32, directors []Director) []*Director {
	active := make([]*Director, 0, len(directors))
	for _, id := range ids {
		active = append(active, actives(id, directors)...)
	}
	slices.SortFunc(active, func(a, b *Director) int { return cmp.Compare(a.Name, b.Name) })
	return slices.Compact(active)
}

// names joins directors' names with commas.
func names(directors []*Director) string {
	all := make([]string, 0, len(directors))
	for _, d := range directors {
		all = append(all, d.Name)
	}
	return strings.Join(all, ",")
}

// elections are who is Active for each virtual router of a group.
func elections(directors []Director) []v1alpha1.Election {
	ids := routersOf(directors)
	all := make([]v1alpha1.Election, 0, len(ids))
	for _, id := range ids {
		all = append(all, v1alpha1.Election{VirtualRouterID: id, Active: names(actives(id, directors))})
	}
	return all
}

// elect finds the directors that are Active for the virtual routers, by name; against says for which there is not exactly one, a
// split brain before anything else.
func elect(ids []int32, directors []Director) (active []*Director, against obstacle) {
	if split := splitBrains(ids, directors); split != "" {
		return nil, obstacle{v1alpha1.ReasonTwoActives, split}
	}
	for _, id := range ids {
		if len(actives(id, directors)) == 0 {
			return nil, obstacle{v1alpha1.ReasonNoActive, of(id, directors) + "no director is Active; " + describeStates(id, directors)}
		}
	}
	if len(ids) == 0 {
		return nil, obstacle{v1alpha1.ReasonNoActive, "no director is Active; " + describeStates(0, directors)}
	}
	return activesOf(ids, directors), obstacle{}
}

// of begins a message about one virtual router of several.
func of(id int32, directors []Director) string {
	if len(routersOf(directors)) < 2 {
		return ""
	}
	return fmt.Sprintf("virtual router %d: ", id)
}

// splitBrains tells of all virtual routers that have several Actives, and what those hear of each other: what is heard and discarded is
// another fault than what does not arrive. It is empty if there are none.
func splitBrains(ids []int32, directors []Director) string {
	var parts []string
	for _, id := range ids {
		claims := actives(id, directors)
		if len(claims) < 2 {
			continue
		}
		parts = append(parts, fmt.Sprintf("%sdirectors %s all report being Active: %s", of(id, directors), names(claims), mutually(id, claims)))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "; ") + "; either VRRP packets do not pass between them, or an agent died while Active; check the link and the agents"
}

// mutually is what each of several directors hears of each other one.
func mutually(id int32, claims []*Director) string {
	var parts []string
	for _, d := range claims {
		for _, other := range claims {
			if d != other {
				parts = append(parts, hears(id, d, other))
			}
		}
	}
	return strings.Join(parts, "; ")
}

// hears is what a director hears of another one.
func hears(id int32, d, other *Director) string {
	source := other.router(id).Source
	at := slices.IndexFunc(d.router(id).Peers, func(p v1alpha1.VRRPPeer) bool { return p.Address == source })
	switch {
	case source == "" || at < 0:
		return fmt.Sprintf("%s does not hear %s", d.Name, other.Name)
	case d.router(id).Peers[at].Discarded != "":
		return fmt.Sprintf("%s hears %s and discards it (%s)", d.Name, other.Name, d.router(id).Peers[at].Discarded)
	default:
		return fmt.Sprintf("%s has heard %s within the last half minute", d.Name, other.Name)
	}
}

func describeStates(id int32, directors []Director) string {
	const most = 4
	var parts []string
	for i := range directors {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(directors)-most))
			break
		}
		d := &directors[i]
		part := fmt.Sprintf("%s is %s", d.Name, d.stateOf(id))
		if r := d.router(id); r != nil && r.Following != "" {
			part += " and follows " + nameOf(id, r.Following, directors)
		}
		if d.NotReady {
			part += " (its node is not ready)"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ") + "; look at `kubectl describe lvsns` of each"
}

// nameOf is who sends from the address: a director of the group, or the address itself.
func nameOf(id int32, source v1alpha1.IPAddress, directors []Director) string {
	for i := range directors {
		if r := directors[i].router(id); r != nil && r.Source == source {
			return directors[i].Name
		}
	}
	return string(source)
}

// whoIsActive tells who is Active for which of the virtual routers.
func whoIsActive(ids []int32, active []*Director) string {
	if len(active) == 1 {
		return active[0].Name + " is Active"
	}
	parts := make([]string, 0, len(active))
	for _, d := range active {
		var own []string
		for _, id := range ids {
			if d.router(id).claims() {
				own = append(own, fmt.Sprint(id))
			}
		}
		parts = append(parts, fmt.Sprintf("%s is Active for virtual router %s", d.Name, strings.Join(own, ", ")))
	}
	return strings.Join(parts, "; ")
}
