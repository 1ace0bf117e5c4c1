// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// markPool is a pool of firewall marks with its texts read.
type markPool struct {
	name        string
	first, last int64
	prefixes    []netip.Prefix
	namespaces  labels.Selector
}

// readMarkPool fails on a selector that cannot be read. A CIDR that cannot be read holds no destination.
func readMarkPool(pool v1alpha1.MarkPool) (markPool, error) {
	selector, err := metav1.LabelSelectorAsSelector(pool.NamespaceSelector)
	if err != nil {
		return markPool{}, err
	}
	return markPool{name: pool.Name, first: pool.First, last: pool.Last, prefixes: readPrefixes(pool.CIDRs), namespaces: selector}, nil
}

// holds says whether the whole network lies in one of the pool's.
func (p markPool) holds(network netip.Prefix) bool {
	return slices.ContainsFunc(p.prefixes, func(own netip.Prefix) bool {
		return own.Bits() <= network.Bits() && own.Contains(network.Addr())
	})
}

// markRefusal says why a service of the namespace may not use its mark and match its destinations in this group; nil: it may.
func (g *group) markRefusal(mark *v1alpha1.FirewallMark, ns namespace) *Finding {
	open, refused := g.openMarkPools(mark.Mark, ns)
	if refused != nil {
		return refused
	}
	for _, match := range mark.Match {
		for _, cidr := range match.Addresses {
			network, err := netip.ParsePrefix(string(cidr))
			if err != nil {
				return markNotInPool(fmt.Sprintf("%q is not a network; write one such as 198.51.100.0/24", cidr))
			}
			if refused := g.virtualIPRefusal(network, ns); refused != nil {
				return refused
			}
			if !g.mayMatch(network, open, ns) {
				return markNotInPool(fmt.Sprintf("%s lies in none of the networks that mark pool %s of DirectorGroup %s may match, and is no single address of an address pool that namespace %s may use; match another network, or add it to the pool's cidrs",
					cidr, poolNames(open), g.Name, ns.name))
			}
		}
	}
	return nil
}

// openMarkPools are the pools that hold the mark and that the namespace may use.
func (g *group) openMarkPools(mark int64, ns namespace) ([]markPool, *Finding) {
	var open, closed []markPool
	for _, pool := range g.markPools {
		switch {
		case mark < pool.first || mark > pool.last:
		case ns.selectedBy(pool.namespaces):
			open = append(open, pool)
		default:
			closed = append(closed, pool)
		}
	}
	switch {
	case len(open) > 0:
		return open, nil
	case len(closed) > 0:
		return nil, markNotInPool(fmt.Sprintf("namespace %s may not use mark pool %s of DirectorGroup %s, which holds mark %d; label the namespace so that the pool's namespaceSelector selects it, or use a mark of another pool",
			ns.name, poolNames(closed), g.Name, mark))
	case len(g.markPools) == 0:
		return nil, markNotInPool(fmt.Sprintf("DirectorGroup %s has no mark pools; add one that holds mark %d", g.Name, mark))
	default:
		return nil, markNotInPool(fmt.Sprintf("mark %d lies in no mark pool of DirectorGroup %s, whose pools are %s; use a mark from there, or widen a pool",
			mark, g.Name, g.describeMarkPools()))
	}
}

// virtualIPRefusal says why a mark of the namespace may not match a network that is a single address: it lies in an address
// pool of this group that the namespace may not use, or in one of another group on the same node, where it would take the
// packets of that group's virtual IP. nil: it may, or mayMatch decides.
func (g *group) virtualIPRefusal(network netip.Prefix, ns namespace) *Finding {
	address := network.Addr()
	if !network.IsSingleIP() || g.lends(address, ns) {
		return nil
	}
	if _, own := g.poolWith(address); own {
		return g.addressRefusal(v1alpha1.IPAddress(address.String()), ns)
	}
	for _, peer := range g.peers {
		if pool, held := peer.poolWith(address); held {
			node, _ := sharedDirector(g, peer)
			return notInPool(fmt.Sprintf("%s is a virtual IP of address pool %s of DirectorGroup %s, which has node %s as a director, too; match another network, or move this service to that group",
				address, pool, peer.Name, node))
		}
	}
	return nil
}

func (g *group) mayMatch(network netip.Prefix, open []markPool, ns namespace) bool {
	return slices.ContainsFunc(open, func(p markPool) bool { return p.holds(network) }) ||
		network.IsSingleIP() && g.lends(network.Addr(), ns)
}

// markRanges are the group's marks as the agents get them, sorted.
func (g *group) markRanges() []v1alpha1.MarkRange {
	ranges := make([]v1alpha1.MarkRange, 0, len(g.markPools))
	for _, pool := range g.markPools {
		ranges = append(ranges, v1alpha1.MarkRange{First: pool.first, Last: pool.last})
	}
	slices.SortFunc(ranges, func(a, b v1alpha1.MarkRange) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
	})
	return slices.Compact(ranges)
}

// describeMarkPools is for messages; a group has at most 16.
func (g *group) describeMarkPools() string {
	shown := make([]string, 0, len(g.markPools))
	for _, pool := range g.markPools {
		shown = append(shown, fmt.Sprintf("%s (%d to %d)", pool.name, pool.first, pool.last))
	}
	return strings.Join(shown, ", ")
}

func poolNames(pools []markPool) string {
	names := make([]string, 0, len(pools))
	for _, pool := range pools {
		names = append(names, pool.name)
	}
	return strings.Join(names, ", ")
}

func markNotInPool(message string) *Finding {
	return &Finding{Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonMarkNotInPool, Message: message}
}
