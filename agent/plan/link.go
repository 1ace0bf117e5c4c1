// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// LinkGroup marks each link that we add as ours: IFLA_GROUP of linux/if_link.h, which unlike an alias is there from the link's first
// moment, so that an agent that is killed leaves none behind unmarked. `ip link show group 76` lists them.
const LinkGroup = 76

// Link is a macvlan link that gives a virtual router an Ethernet address of its own (RFC 9568 section 7.3). Its mode is bridge: in
// the others, while the link is up, the kernel keeps from the interface below what another director sends from the same address, and
// two Actives would never hear of each other.
type Link struct {
	// Name is LinkName's.
	Name string
	// Parent is the interface that carries VRRP.
	Parent string
	// MAC is the virtual router's address.
	MAC vrrp.MAC
}

// ActualLink is a link in a kernel.
type ActualLink struct {
	Link
	// Bridge says that its mode is bridge.
	Bridge bool
	// Up says that it is administratively up.
	Up bool
	// Ours says that it is a macvlan link with our mark, LinkGroup. Of one that is not, only the name counts.
	Ours bool
}

// maxInterfaceName is the longest name of an interface: IFNAMSIZ of linux/if.h without the closing zero.
const maxInterfaceName = 15

// LinkName is the name of a virtual router's link: lvs4-66-eth0 for router 66 of IPv4 on eth0, lvs6-66-eth0 for that of IPv6. Where
// that is too long, six hexadecimal digits of a hash of the interface's name stand for it; `ip link` shows which it is.
func LinkName(parent string, vrid uint8, ipv6 bool) string {
	family := 4
	if ipv6 {
		family = 6
	}
	prefix := fmt.Sprintf("lvs%d-%d-", family, vrid)
	if len(prefix)+len(parent) <= maxInterfaceName {
		return prefix + parent
	}
	hash := sha256.Sum256([]byte(parent))
	return prefix + hex.EncodeToString(hash[:3])
}

// LinkSettings are those that a link of ours needs, whatever their defaults on the node. They go with the link. Those of IPv6 do not
// exist in a kernel without it.
func LinkSettings(name string) []Setting {
	return []Setting{
		// It answers ARP for its own addresses, and not for those of other interfaces.
		{Name: interfaceSetting("ipv4", name, "arp_ignore"), Value: "1"},
		// Clients are reached by the interface below: strict checking (RFC 3704) would drop all that comes from them. 2 is more
		// than a strict net.ipv4.conf.all.rp_filter; 0 would be less.
		{Name: interfaceSetting("ipv4", name, "rp_filter"), Value: "2"},
		// No address of its own from the virtual MAC address (RFC 9568 section 7.4), and none from routers.
		{Name: interfaceSetting("ipv6", name, "addr_gen_mode"), Value: "1"},
		{Name: interfaceSetting("ipv6", name, "accept_ra"), Value: "0"},
	}
}

// parentSettings are those that the interface below a link needs. It must not answer ARP for the virtual IPs, nor name one of them as
// the sender of a question: either would tell the link its physical address.
func parentSettings(parent string) []Setting {
	return []Setting{
		{Name: interfaceSetting("ipv4", parent, "arp_ignore"), Value: "1"},
		{Name: interfaceSetting("ipv4", parent, "arp_announce"), Value: "2"},
	}
}

// interfaceSetting is the name of an interface's sysctl. A dot in the interface's name is written as a slash, as sysctl(8) has it.
func interfaceSetting(family, name, setting string) string {
	return "net." + family + ".conf." + strings.ReplaceAll(name, ".", "/") + "." + setting
}
