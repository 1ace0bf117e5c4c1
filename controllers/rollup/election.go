// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// ElectionGrace is how long after a director became Active an older claim of another one is taken for a report that is on
// its way: when the role is handed over the two reports travel by the API server apart from each other, and the time of a
// claim, [v1alpha1.VirtualRouterStatus].Since, has a granularity of one second. A claim from further than this in the
// future, by a clock that is wrong, has no grace.
const ElectionGrace = 5 * time.Second

// Directors reads the reports of a group's directors. A node without a NodeState has reported nothing. notReady says
// which nodes' kubelets the cluster has lost: such a node's claim to be Active is dropped when another node became Active
// later, because a dead agent cannot take its word back. Of several claims left the newest counts alone during its
// [ElectionGrace]; again is then how long it lasts from now, after which the reports have to be read again, and otherwise 0.
func Directors(group string, names []string, states map[string]*v1alpha1.NodeState, notReady map[string]bool, now time.Time) (directors []Director, again time.Duration) {
	directors = make([]Director, 0, len(names))
	for _, name := range names {
		d := readDirector(group, name, states[name])
		d.NotReady = notReady[name]
		directors = append(directors, d)
	}
	dropLost(directors)
	return directors, supersede(directors, now)
}

// dropLost finds the lost directors, and takes their claims from them.
func dropLost(directors []Director) {
	claims := actives(directors)
	for i := range directors {
		d := &directors[i]
		if !d.NotReady {
			continue
		}
		dropped := d.State == v1alpha1.VRRPActive && slices.ContainsFunc(claims, func(other Director) bool {
			return other.Since.After(d.Since.Time)
		})
		d.Lost = dropped || !d.Current
		if dropped {
			d.State = v1alpha1.VRRPUnknown
		}
	}
}

// supersede marks all claims but the newest, if that is young. Of claims of the same second the higher priority's counts,
// as it will in the election.
func supersede(directors []Director, now time.Time) (again time.Duration) {
	claims := actives(directors)
	if len(claims) < 2 {
		return 0
	}
	newest := slices.MaxFunc(claims, func(a, b Director) int {
		return cmp.Or(a.Since.Compare(b.Since.Time), cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name))
	})
	age := now.Sub(newest.Since.Time)
	if age >= ElectionGrace || age <= -ElectionGrace {
		return 0
	}
	for i := range directors {
		directors[i].Superseded = directors[i].State == v1alpha1.VRRPActive && directors[i].Name != newest.Name
	}
	return ElectionGrace - age
}

// actives are the directors whose claim to be Active counts.
func actives(directors []Director) []Director {
	var active []Director
	for _, d := range directors {
		if d.State == v1alpha1.VRRPActive && !d.Superseded {
			active = append(active, d)
		}
	}
	return active
}

// names joins directors' names with commas.
func names(directors []Director) string {
	all := make([]string, 0, len(directors))
	for _, d := range directors {
		all = append(all, d.Name)
	}
	return strings.Join(all, ",")
}

// elect finds the one director that is Active; nil: against says why there is not exactly one.
func elect(directors []Director) (active *Director, against obstacle) {
	claims := actives(directors)
	switch len(claims) {
	case 0:
		return nil, obstacle{v1alpha1.ReasonNoActive, "no director is Active; " + describeStates(directors)}
	case 1:
		return &claims[0], obstacle{}
	default:
		return nil, obstacle{v1alpha1.ReasonTwoActives,
			fmt.Sprintf("directors %s all report being Active: either VRRP packets do not pass between them, or an agent died while Active; check the link and the agents", names(claims))}
	}
}

func describeStates(directors []Director) string {
	const most = 4
	var parts []string
	for i, d := range directors {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(directors)-most))
			break
		}
		part := fmt.Sprintf("%s is %s", d.Name, d.State)
		if d.NotReady {
			part += " (its node is not ready)"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ") + "; look at `kubectl describe lvsns` of each"
}
