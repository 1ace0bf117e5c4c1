// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// State is what one node has to do. The zero State is that of a node with no part. It survives encoding/json, except for
// passwords: WithPasswords puts them back.
type State struct {
	// Groups are the director groups in which the node is a director, sorted by name.
	Groups []Group `json:"groups,omitempty"`
	// RealServerAddresses are the virtual IPs that the node accepts on lo, sorted, each once.
	RealServerAddresses []netip.Addr `json:"realServerAddresses,omitempty"`
}

// Group is the node's part in one director group.
type Group struct {
	// Name of the DirectorGroup.
	Name string `json:"name"`
	// Pools are the networks whose IPVS services are ours, sorted, each once.
	Pools []netip.Prefix `json:"pools,omitempty"`
	// Routers are the virtual routers that this node runs, sorted by interface and router id. One without addresses is left
	// out: VRRP advertises at least one.
	Routers []Router `json:"routers,omitempty"`
	// Services are the IPVS services, sorted by ID. No two services of a State have the same key.
	Services []Service `json:"services,omitempty"`
	// Applied is, a slice's name, the metadata.generation that went in. A ServiceSlice of which a service waits for
	// RealServerSlices has the generation that went in before, if any. A RealServerSlice that no service uses is not in it.
	Applied map[string]int64 `json:"applied,omitempty"`
}

// Router is one virtual router on one interface.
type Router struct {
	// Interface carries VRRP and the addresses.
	Interface string
	// Config is complete except for Source, which only the node knows.
	Config vrrp.Config
	// Secret is the name of the Secret that the password came from; empty: no authentication.
	Secret string
}

// Service is one IPVS service with all its real servers, healthy or not.
type Service struct {
	// ID is namespace/name/port.
	ID string `json:"id"`
	// Service is the service itself.
	Service ipvs.Service `json:"service"`
	// RealServers are sorted by address and port, each once.
	RealServers []RealServer `json:"realServers,omitempty"`
}

// RealServer is one real server of a service. It is comparable.
type RealServer struct {
	// Destination has the weight that the real server has while it is healthy.
	Destination ipvs.Destination `json:"destination"`
	// Check says how the real server is checked. Meaningful only where Checked.
	Check health.Target `json:"check"`
	// Checked says whether the real server is checked; one that is not is always taken for healthy.
	Checked bool `json:"checked,omitempty"`
}

// Equal says whether two states are the same, passwords and applied generations included.
func (s State) Equal(other State) bool {
	return slices.EqualFunc(s.Groups, other.Groups, Group.Equal) &&
		slices.Equal(s.RealServerAddresses, other.RealServerAddresses)
}

// Equal says whether two groups are the same, passwords and applied generations included.
func (g Group) Equal(other Group) bool {
	return g.Name == other.Name &&
		slices.Equal(g.Pools, other.Pools) &&
		slices.EqualFunc(g.Routers, other.Routers, Router.Equal) &&
		slices.EqualFunc(g.Services, other.Services, Service.Equal) &&
		maps.Equal(g.Applied, other.Applied)
}

// Equal says whether two routers are the same, passwords included.
func (r Router) Equal(other Router) bool {
	return r.Interface == other.Interface && r.Secret == other.Secret && r.Config.Equal(other.Config)
}

// Equal says whether two services are the same, real servers included.
func (s Service) Equal(other Service) bool {
	return s.ID == other.ID && s.Service == other.Service && slices.Equal(s.RealServers, other.RealServers)
}

// Owned are the networks of all groups, sorted, each once.
func (s State) Owned() []netip.Prefix {
	var owned []netip.Prefix
	for _, group := range s.Groups {
		owned = append(owned, group.Pools...)
	}
	return sortedPrefixes(owned)
}

// Forwarding says whether a real server of this director is behind LVS/NAT, healthy or not.
func (s State) Forwarding() bool {
	for _, group := range s.Groups {
		for _, service := range group.Services {
			if slices.ContainsFunc(service.RealServers, func(r RealServer) bool { return r.Destination.Method == ipvs.Masquerade }) {
				return true
			}
		}
	}
	return false
}

// Table is the IPVS table with the real servers that are unchecked or for which healthy returns true, sorted.
func (s State) Table(healthy func(health.Target) bool) ipvs.Table {
	var table ipvs.Table
	for _, group := range s.Groups {
		for _, service := range group.Services {
			entry := ipvs.Entry{Service: service.Service}
			for _, realServer := range service.RealServers {
				if !realServer.Checked || healthy(realServer.Check) {
					entry.Destinations = append(entry.Destinations, realServer.Destination)
				}
			}
			table = append(table, entry)
		}
	}
	table.Sort()
	return table
}
