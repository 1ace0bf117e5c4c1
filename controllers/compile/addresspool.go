// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"net/netip"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// addressPool is a pool with its texts read.
type addressPool struct {
	name       string
	cidrs      []v1alpha1.CIDR
	prefixes   []netip.Prefix
	namespaces labels.Selector
}

// readPool fails on a selector that cannot be read. A CIDR that cannot be read holds no address.
func readPool(pool v1alpha1.AddressPool) (addressPool, error) {
	selector, err := metav1.LabelSelectorAsSelector(pool.NamespaceSelector)
	if err != nil {
		return addressPool{}, err
	}
	return addressPool{name: pool.Name, cidrs: pool.CIDRs, prefixes: readPrefixes(pool.CIDRs), namespaces: selector}, nil
}

func readPrefixes(cidrs []v1alpha1.CIDR) []netip.Prefix {
	var read []netip.Prefix
	for _, cidr := range cidrs {
		if prefix, err := netip.ParsePrefix(string(cidr)); err == nil {
			read = append(read, prefix)
		}
	}
	return read
}

func (p addressPool) contains(address netip.Addr) bool {
	for _, prefix := range p.prefixes {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// lends says whether a service of the namespace may use the address in this group.
func (g *group) lends(address netip.Addr, ns namespace) bool {
	for _, pool := range g.pools {
		if pool.contains(address) && ns.selectedBy(pool.namespaces) {
			return true
		}
	}
	return false
}

// poolWith is the name of the group's first address pool that holds the address.
func (g *group) poolWith(address netip.Addr) (name string, found bool) {
	for _, pool := range g.pools {
		if pool.contains(address) {
			return pool.name, true
		}
	}
	return "", false
}

// addressRefusal says why a service of the namespace may not use the address in this group; nil: it may.
func (g *group) addressRefusal(address v1alpha1.IPAddress, ns namespace) *Finding {
	parsed, err := netip.ParseAddr(string(address))
	if err != nil {
		return notInPool(fmt.Sprintf("%q is not an IP address; write one such as 192.0.2.10 or 2001:db8::10", address))
	}
	if g.lends(parsed, ns) {
		return nil
	}
	var closed []string
	for _, pool := range g.pools {
		if pool.contains(parsed) {
			closed = append(closed, pool.name)
		}
	}
	if len(closed) > 0 {
		return notInPool(fmt.Sprintf("namespace %s may not use address pool %s of DirectorGroup %s, which holds %s; label the namespace so that the pool's namespaceSelector selects it, or use an address of another pool",
			ns.name, strings.Join(closed, ", "), g.Name, address))
	}
	return notInPool(fmt.Sprintf("%s lies in no address pool of DirectorGroup %s, whose pools are %s; use an address from there, or add one to a pool",
		address, g.Name, g.describePools()))
}

func notInPool(message string) *Finding {
	return &Finding{Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonAddressNotInPool, Message: message}
}

// describePools is for messages; a group with many networks shows its first ones.
func (g *group) describePools() string {
	const most = 8
	var shown []string
	total := 0
	for _, pool := range g.pools {
		for _, cidr := range pool.cidrs {
			if total++; total <= most {
				shown = append(shown, fmt.Sprintf("%s (%s)", pool.name, cidr))
			}
		}
	}
	if total > most {
		shown = append(shown, fmt.Sprintf("and %d more networks", total-most))
	}
	return strings.Join(shown, ", ")
}
