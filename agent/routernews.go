// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/agent/vrrp/vrrpnet"
)

// routerNews is what a report says of a router.
type routerNews struct {
	key   routerKey
	state vrrp.State
	epoch int64
	fault string
	// following is whom a Backup follows, and peers are the others' addresses, with what is wrong with what they send.
	following netip.Addr
	peers     []vrrpnet.Peer
}

func (n routerNews) equal(o routerNews) bool {
	return n.sameElection(o) && n.fault == o.fault && n.following == o.following && slices.EqualFunc(n.peers, o.peers, samePeer)
}

// samePeer says whether a report says the same of two peers, of which it does not say when they were heard.
func samePeer(a, b vrrpnet.Peer) bool {
	a.Heard = b.Heard
	return a == b
}

func (n routerNews) sameElection(o routerNews) bool {
	return n.key == o.key && n.state == o.state && n.epoch == o.epoch
}

// news says whether a report has something else to say of the routers than when it was asked last, and whether one has changed its
// state since.
func (rs *routers) news() (changed, elected bool) {
	now := make([]routerNews, 0, len(rs.byKey))
	for _, r := range rs.sorted() {
		one := routerNews{key: r.key, state: r.state, epoch: r.epoch(), following: r.follows()}
		if r.running != nil {
			one.peers = r.running.Peers()
		}
		if err := r.fault(); err != nil {
			one.fault = err.Error()
		}
		now = append(now, one)
	}
	changed = !slices.EqualFunc(now, rs.told, routerNews.equal)
	elected = !slices.EqualFunc(now, rs.told, routerNews.sameElection)
	rs.told = now
	return changed, elected
}
