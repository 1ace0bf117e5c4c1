// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// Node is what one node has to do, apart from its services. The zero Node has no part. It survives encoding/json, except for
// passwords: WithPasswords puts them back.
type Node struct {
	// Groups are the director groups in which the node is a director, sorted by name.
	Groups []Group `json:"groups,omitempty"`
	// RealServerAddresses are the virtual IPs that the node accepts on lo, sorted, each once.
	RealServerAddresses []netip.Addr `json:"realServerAddresses,omitempty"`
}

// Group is the node's part in one director group.
type Group struct {
	// Name of the DirectorGroup.
	Name string `json:"name"`
	// Owned says which IPVS services are the group's.
	Owned ipvs.Ownership `json:"owned,omitzero"`
	// ProbeMarks are the firewall marks of health checks through IPVS, which Owned has as well; the zero value: there are none.
	ProbeMarks ipvs.MarkRange `json:"probeMarks,omitzero"`
	// Routers are the virtual routers that this node runs, sorted by interface and router id.
	Routers []Router `json:"routers,omitempty"`
	// Settings are the kernel settings that the group asks for, in the order in which they are written.
	Settings []plan.Setting `json:"settings,omitempty"`
	// Daemons are the sync daemons that the group asks for: none, or a master and a backup that differ in nothing else.
	Daemons []ipvs.Daemon `json:"daemons,omitempty"`
}

// Router is one virtual router on one interface.
type Router struct {
	// Interface carries VRRP and the addresses.
	Interface string
	// MoveTogether is a name: the routers of a node that have the same one are to be Active on the same director. Empty: none.
	MoveTogether string
	// Lowered says why the controller has lowered the priority; empty: it has not.
	Lowered string
	// Closed says that the node accepts nothing for the addresses but what IPVS takes: Accept_Mode is False (RFC 9568 section 6.1).
	Closed bool
	// Config is complete except for Source, which only the node knows. Its addresses are IPv4 if the router has any.
	Config vrrp.Config
	// Unadvertised are the addresses that go where the router's go, sorted: those of the other family, and those for which a
	// packet has no room or that the group does not want advertised; keepalived calls such addresses excluded.
	Unadvertised []netip.Addr
	// Uncarried are those of Config's addresses that go nowhere: they are only advertised, for peers that want one list always.
	Uncarried []netip.Addr
	// Secret is the name of the Secret that the password came from; empty: no authentication.
	Secret string
}

// Addresses are all addresses that go where the router is Active.
func (r Router) Addresses() []netip.Addr {
	return slices.DeleteFunc(slices.Concat(r.Config.Addresses, r.Unadvertised), func(a netip.Addr) bool { return slices.Contains(r.Uncarried, a) })
}

// ProbeMarks are the firewall marks of a group's health checks through IPVS; the zero value: it has none.
func (n Node) ProbeMarks(group string) ipvs.MarkRange {
	g, _ := n.group(group)
	return g.ProbeMarks
}

// Owned says which IPVS services are any group's.
func (n Node) Owned() ipvs.Ownership {
	all := make([]ipvs.Ownership, 0, len(n.Groups))
	for _, group := range n.Groups {
		all = append(all, group.Owned)
	}
	return ipvs.Union(all...)
}

// Link is the link with a virtual MAC address that the router needs; false: it needs none, its addresses are on its interface.
func (r Router) Link() (plan.Link, bool) {
	if !r.Config.VirtualMAC {
		return plan.Link{}, false
	}
	family, id := r.Config.Family(), r.Config.VRID
	return plan.Link{Name: plan.LinkName(r.Interface, id, family.Is6()), Parent: r.Interface, MAC: vrrp.VirtualMAC(family, id)}, true
}

// Carrier is the interface that the router's addresses go on: its link, if it has one.
func (r Router) Carrier() string {
	if link, has := r.Link(); has {
		return link.Name
	}
	return r.Interface
}

// Links are those of all routers.
func (n Node) Links() []plan.Link {
	var links []plan.Link
	for _, group := range n.Groups {
		for _, router := range group.Routers {
			if link, has := router.Link(); has {
				links = append(links, link)
			}
		}
	}
	return links
}

// Closed are the addresses of all routers that are closed, whether they are Active or not, sorted. One that another router does not
// close, as link-local ones follow from the router id alone, is left out.
func (n Node) Closed() []netip.Addr {
	closed := map[netip.Addr]bool{}
	for _, group := range n.Groups {
		for _, router := range group.Routers {
			for _, address := range router.Addresses() {
				others, known := closed[address]
				closed[address] = router.Closed && (others || !known)
			}
		}
	}
	maps.DeleteFunc(closed, func(_ netip.Addr, closed bool) bool { return !closed })
	return slices.SortedFunc(maps.Keys(closed), netip.Addr.Compare)
}

// Settings are the kernel settings of all groups. Of one that several groups ask for the first by the group's name counts:
// the controller lets no two of them on one node differ.
func (n Node) Settings() []plan.Setting {
	var settings []plan.Setting
	for _, group := range n.Groups {
		for _, setting := range group.Settings {
			if !slices.ContainsFunc(settings, func(s plan.Setting) bool { return s.Name == setting.Name }) {
				settings = append(settings, setting)
			}
		}
	}
	return settings
}

// Daemons are the sync daemons of the first group, by name, that asks for some: the controller lets no two of them on one node
// differ.
func (n Node) Daemons() []ipvs.Daemon {
	for _, group := range n.Groups {
		if len(group.Daemons) > 0 {
			return group.Daemons
		}
	}
	return nil
}

// Equal says whether two nodes are the same, passwords included.
func (n Node) Equal(other Node) bool {
	return slices.EqualFunc(n.Groups, other.Groups, Group.Equal) && slices.Equal(n.RealServerAddresses, other.RealServerAddresses)
}

// Equal says whether two groups are the same, passwords included.
func (g Group) Equal(other Group) bool {
	return g.Name == other.Name && g.Owned.Equal(other.Owned) && g.ProbeMarks == other.ProbeMarks && slices.EqualFunc(g.Routers, other.Routers, Router.Equal) &&
		slices.Equal(g.Settings, other.Settings) && slices.Equal(g.Daemons, other.Daemons)
}

// Equal says whether two routers are the same, passwords included.
func (r Router) Equal(other Router) bool {
	return r.Interface == other.Interface && r.MoveTogether == other.MoveTogether && r.Lowered == other.Lowered && r.Closed == other.Closed && r.Secret == other.Secret && r.Config.Equal(other.Config) &&
		slices.Equal(r.Unadvertised, other.Unadvertised) && slices.Equal(r.Uncarried, other.Uncarried)
}

func (n Node) group(name string) (Group, bool) {
	for _, group := range n.Groups {
		if group.Name == name {
			return group, true
		}
	}
	return Group{}, false
}

func (n Node) has(name string) bool {
	_, found := n.group(name)
	return found
}

// regrouped are the names of the groups that come, go or own something else in now.
func (n Node) regrouped(now Node) []string {
	var names []string
	for _, group := range n.Groups {
		if after, stays := now.group(group.Name); !stays || !after.Owned.Equal(group.Owned) {
			names = append(names, group.Name)
		}
	}
	for _, group := range now.Groups {
		if !n.has(group.Name) {
			names = append(names, group.Name)
		}
	}
	return names
}
