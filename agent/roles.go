// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// liveRouter is a virtual router that runs, for those who ask from beside the loop.
type liveRouter struct {
	interfaceName string
	running       VirtualRouter
	addresses     []netip.Addr
	// synced says that its group has connection sync.
	synced bool
}

// publish makes the routers that run known.
func (rs *routers) publish() {
	live := make([]liveRouter, 0, len(rs.byKey))
	for _, r := range rs.sorted() {
		if r.running != nil {
			live = append(live, liveRouter{r.key.interfaceName, r.running, r.addresses, rs.synced[r.key.group]})
		}
	}
	rs.live.Store(&live)
}

func (rs *routers) runs() []liveRouter {
	if live := rs.live.Load(); live != nil {
		return *live
	}
	return nil
}

// serves says whether this director is Active for a virtual IP of a group with connection sync; for any, with the zero value. It may be
// asked at any time.
func (rs *routers) serves(virtual netip.Addr) bool {
	for _, r := range rs.runs() {
		if r.synced && r.running.State() == vrrp.Active && (!virtual.IsValid() || slices.Contains(r.addresses, virtual)) {
			return true
		}
	}
	return false
}

// others are the Active directors that this one follows in groups with connection sync, each once; settled: each virtual router there
// has one, or is Active here. It may be asked at any time.
func (rs *routers) others() (active []netip.Addr, settled bool) {
	for _, r := range rs.runs() {
		if !r.synced {
			continue
		}
		source := r.running.Stats().ActiveSource
		if source.Is6() {
			source = source.WithZone(r.interfaceName)
		}
		switch {
		case r.running.State() == vrrp.Active:
			settled = true
		case !source.IsValid():
			return nil, false
		default:
			settled = true
			active = append(active, source)
		}
	}
	slices.SortFunc(active, netip.Addr.Compare)
	return slices.Compact(active), settled
}
