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
	read := addressPool{name: pool.Name, cidrs: pool.CIDRs, namespaces: selector}
	for _, cidr := range pool.CIDRs {
		if prefix, err := netip.ParsePrefix(string(cidr)); err == nil {
			read.prefixes = append(read.prefixes, prefix)
		}
	}
	return read, nil
}

func (p addressPool) contains(address netip.Addr) bool {
	for _, prefix := range p.prefixes {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// addressRefusal says why a service of the namespace may not use the address in this group; nil: it may.
func (g *group) addressRefusal(address v1alpha1.IPAddress, namespace string, namespaceLabels map[string]string) *Finding {
	parsed, err := netip.ParseAddr(string(address))
	if err != nil {
		return notInPool(fmt.Sprintf("%q is not an IPv4 address; write one such as 192.0.2.10", address))
	}
	var closed []string
	for _, pool := range g.pools {
		if !pool.contains(parsed) {
			continue
		}
		if pool.namespaces.Matches(labels.Set(namespaceLabels)) {
			return nil
		}
		closed = append(closed, pool.name)
	}
	if len(closed) > 0 {
		return notInPool(fmt.Sprintf("namespace %s may not use address pool %s of DirectorGroup %s, which holds %s; label the namespace so that the pool's namespaceSelector selects it, or use an address of another pool",
			namespace, strings.Join(closed, ", "), g.Name, address))
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
