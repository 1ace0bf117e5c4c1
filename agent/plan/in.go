// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// In is everything that a plan depends on. Plan keeps none of it and changes none of it.
type In struct {
	// Services are the IPVS services that this node has to have. A destination is in it only while it is healthy or
	// unchecked: one that is not listed is deleted. Services outside Owned are ignored.
	Services ipvs.Table
	// Owned are the networks in which every IPVS service is ours. A service outside them is never touched. A network that a
	// director group gave up stays in the list until no service of ours is left in it.
	Owned []netip.Prefix
	// DirectorAddresses are the virtual IPs that this node holds now: those of its Active virtual routers.
	DirectorAddresses []InterfaceAddress
	// RealServerAddresses are the virtual IPs that this node accepts on lo as a real server.
	RealServerAddresses []netip.Addr
	// Forwarding says that this director has to forward packets of others, as LVS/NAT needs for the answers of its real
	// servers.
	Forwarding bool
	// Found is, a sysctl, the value that it had before our first write: what it gets back when we no longer need it.
	Found map[string]string
	// Actual is what was read from the kernel.
	Actual Actual
}

// InterfaceAddress is an address that an interface carries.
type InterfaceAddress struct {
	// Interface is the interface's name.
	Interface string
	// Address is IPv4; it is added as a /32, so that no route to a network comes with it.
	Address netip.Addr
}

// Actual is what a kernel has: the whole of it in what concerns us, and of the rest as much as Plan must know in order to
// leave it alone.
type Actual struct {
	// IPVS are the services inside In.Owned; services of others may be in it, and are ignored.
	IPVS ipvs.Table
	// Addresses are the addresses of all interfaces.
	Addresses []Address
	// Sysctls are the values of Sysctls by dotted name. One that is not in it does not exist in this kernel, and is not
	// written.
	Sysctls map[string]string
}

// Address is one address in a kernel.
type Address struct {
	// Interface is the interface's name.
	Interface string
	// Prefix is the address and its prefix length.
	Prefix netip.Prefix
	// Ours says that the address carries our mark: AddressProtocol or Label.
	Ours bool
}
