// SPDX-License-Identifier: Apache-2.0

// Package checkpoint keeps on disk what an agent needs to serve with no API server: its last desired state, with the VRRP
// passwords in clear text, and what to restore when it lets go. Its file has mode 0600 in a directory of mode 0700. A change
// costs what the change costs, whatever else is kept. It never decides what is in force.
package checkpoint

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/serving"
)

// Checkpoint is what an agent knows and could not find out again.
type Checkpoint struct {
	Node Node
	// Services are the last good services, in no order.
	Services []*desired.Service
	Drains   Drains
	// Standings are what has to be kept of what followed from the health of services.
	Standings Standings
}

// Standings are, a service, what its decisions depend on that no reading of the kernel shows.
type Standings map[ipvs.ServiceKey]serving.Memory

// Node is what is kept of the node itself.
type Node struct {
	// Node is the last good part of the node, passwords included.
	Node desired.Node
	// Found is plan.In.Found: a setting's value before the first write of ours.
	Found map[string]string
	// Started is plan.In.Started: the sync daemons of ours.
	Started []ipvs.Daemon
	// Owned says which IPVS services may be ours, those of groups that this node has left included.
	Owned ipvs.Ownership
}

// Equal says whether two are the same, passwords included.
func (n Node) Equal(other Node) bool {
	return n.Node.Equal(other.Node) && maps.Equal(n.Found, other.Found) && slices.Equal(n.Started, other.Started) && n.Owned.Equal(other.Owned)
}

// Drains are, a service, the real servers that it no longer has and that keep their connections until a time.
type Drains map[ipvs.ServiceKey]map[netip.AddrPort]time.Time

// Change is what differs from what was saved last.
type Change struct {
	// Node replaces what was saved of the node; nil: it is the same.
	Node *Node
	// Services are those that changed, as they are now; nil: it is kept no more.
	Services map[ipvs.ServiceKey]*desired.Service
	// Drains replace those of the services that they name; a service without any is forgotten.
	Drains Drains
	// Standings replace those of the services that they name; the zero value is forgotten.
	Standings Standings
}
