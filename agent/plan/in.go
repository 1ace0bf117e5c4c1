// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
)

// In is everything that a plan of a node depends on: all but its IPVS services, which a Ledger compares. Plan keeps none of
// it and changes none of it.
type In struct {
	// DirectorAddresses are the virtual IPs that this node holds now: those of its Active virtual routers.
	DirectorAddresses []InterfaceAddress
	// Links are the links with a virtual MAC address that this director's virtual routers need, whether they are Active or not; names
	// are from LinkName, each once. The addresses on them are among DirectorAddresses.
	Links []Link
	// RealServerAddresses are the virtual IPs that this node accepts on lo as a real server.
	RealServerAddresses []netip.Addr
	// Forwarding are the address families of which this director has to forward packets of others, as LVS/NAT needs for the
	// answers of its real servers.
	Forwarding []ipvs.Family
	// Settings are the kernel settings that this director's groups ask for, in the order in which they are written: sysctls
	// of net.ipv4.vs, and the time-outs that Timeouts names.
	Settings []Setting
	// Daemons are the sync daemons that this director runs, at most one a state. What is zero in one is left to the kernel.
	Daemons []ipvs.Daemon
	// Started are the sync daemons that we started, as they were wanted: no others are stopped.
	Started []ipvs.Daemon
	// Marks are the rules that give packets the firewall marks of services that are in the kernel, sorted.
	Marks []mark.Rule
	// Closed are the virtual IPs to which packets are dropped that IPVS does not take, whether this director is Active for them or not,
	// sorted, each once. Those that it accepts as a real server, or owns, are left open.
	Closed []netip.Addr
	// Found is, a setting, the value that it had before our first write: what it gets back when we no longer need it.
	Found map[string]string
	// Actual is what was read from the kernel.
	Actual Actual
}

// Setting is one kernel setting and its value.
type Setting struct {
	// Name is a sysctl in dotted form, for example net.ipv4.vs.conn_reuse_mode, or one of the constants TimeoutTCP,
	// TimeoutTCPFin and TimeoutUDP.
	Name string `json:"name"`
	// Value as it is read back, in decimal.
	Value string `json:"value"`
}

// InterfaceAddress is an address that an interface carries.
type InterfaceAddress struct {
	// Interface is the interface's name.
	Interface string
	// Address is added as a /32 or /128, so that no route to a network comes with it.
	Address netip.Addr
}

// Actual is what a kernel has: the whole of it in what concerns us, and of the rest as much as Plan must know in order to
// leave it alone.
type Actual struct {
	// Links are the macvlan links with our mark, and those links of others, of whatever kind, that have the name of one that is wanted.
	Links []ActualLink
	// Addresses are the addresses of all interfaces.
	Addresses []Address
	// Sysctls are values by dotted name. One that is not in it does not exist in this kernel, and is not written.
	Sysctls map[string]string
	// SettingsErr is why sysctls or time-outs could not be read; with it they are left as they are.
	SettingsErr error
	// Timeouts are those of IPVS; all 0 where they were not read: then they are not written.
	Timeouts ipvs.Timeouts
	// Daemons are the sync daemons that run, at most one a state.
	Daemons []ipvs.Daemon
	// DaemonsErr is why they could not be read; with it they are left as they are.
	DaemonsErr error
	// Marks are the rules of our nftables table, sorted.
	Marks []mark.Rule
	// MarksErr is why the marks, routes and rules could not be read; nil: they were, or nobody asked. With it they are left as
	// they are.
	MarksErr error
	// MarksTampered says that somebody changed our table so that Marks do not say what it does.
	MarksTampered bool
	// Closed are the virtual IPs that our nftables table closes, sorted.
	Closed []netip.Addr
	// ClosedErr is why they could not be read; nil: they were, or nobody asked. With it they are left as they are.
	ClosedErr error
	// ClosedTampered says that our table is there and does something else than to close them.
	ClosedTampered bool
	// Routes are the families for which our routing table has its local default route.
	Routes []ipvs.Family
	// Rules are our policy routing rules.
	Rules []PolicyRule
	// Modules are those of the kernel modules that were asked for that are loaded or built in.
	Modules []string
}

// Address is one address in a kernel.
type Address struct {
	// Interface is the interface's name.
	Interface string
	// Prefix is the address and its prefix length.
	Prefix netip.Prefix
	// Ours says that the address carries our mark, AddressProtocol or Label, or is on a link of ours.
	Ours bool
}

// PolicyRule sends the packets of one family with a firewall mark to our routing table.
type PolicyRule struct {
	Mark   uint32
	Family ipvs.Family
}
