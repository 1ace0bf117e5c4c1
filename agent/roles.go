// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// liveRouter is a virtual router that runs, for those who ask from beside the loop.
type liveRouter struct {
	group, interfaceName string
	running              VirtualRouter
}

// publish makes the routers that run known.
func (rs *routers) publish() {
	live := make([]liveRouter, 0, len(rs.byKey))
	for _, r := range rs.sorted() {
		if r.running != nil {
			live = append(live, liveRouter{r.key.group, r.key.interfaceName, r.running})
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

// serving says that this director is Active for anything. It may be asked at any time.
func (rs *routers) serving() bool {
	for _, r := range rs.runs() {
		if r.running.State() == vrrp.Active {
			return true
		}
	}
	return false
}

// active is a director that this one follows, or the zero value. It may be asked at any time.
func (rs *routers) active() netip.Addr {
	for _, r := range rs.runs() {
		source := r.running.Stats().ActiveSource
		if source.IsLinkLocalUnicast() && source.Is6() {
			source = source.WithZone(r.interfaceName)
		}
		if source.IsValid() {
			return source
		}
	}
	return netip.Addr{}
}
