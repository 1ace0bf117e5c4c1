// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/realserver"
)

// ifaProto is IFA_PROTO of linux/if_addr.h: who added an address. Kernels before 5.18 ignore it.
const ifaProto = 11

// dumpTries is how often a list is read again that changed while it was read.
const dumpTries = 5

// readAddresses lists the IPv4 and IPv6 addresses of all interfaces, in the kernel's order.
func (k *Kernel) readAddresses() ([]plan.Address, error) {
	messages, err := k.dump(unix.RTM_GETADDR, unix.RTM_NEWADDR, nl.NewIfAddrmsg(unix.AF_UNSPEC))
	if err != nil {
		return nil, fmt.Errorf("read the addresses of all interfaces: %w", advise(err))
	}
	names := map[int]string{}
	var addresses []plan.Address
	for _, message := range messages {
		if len(message) < unix.SizeofIfAddrmsg {
			return nil, fmt.Errorf("read the addresses of all interfaces: address of %d bytes is shorter than its header", len(message))
		}
		header := nl.DeserializeIfAddrmsg(message)
		name, err := k.linkName(names, int(header.Index))
		if err != nil {
			return nil, fmt.Errorf("read the addresses of all interfaces: %w", err)
		}
		a, err := decodeAttributes(message[header.Len():])
		if err != nil {
			return nil, fmt.Errorf("read the addresses of %s: %w", name, err)
		}
		if address, ok := localAddress(a); ok && name != "" {
			addresses = append(addresses, plan.Address{
				Interface: name, Prefix: netip.PrefixFrom(address, int(header.Prefixlen)), Ours: marked(name, a),
			})
		}
	}
	return addresses, nil
}

// localAddress is the interface's own address. With a peer, IFA_ADDRESS is the peer's; IPv6 has IFA_LOCAL only then.
func localAddress(a attributes) (netip.Addr, bool) {
	for _, kind := range []uint16{unix.IFA_LOCAL, unix.IFA_ADDRESS} {
		if address, ok := netip.AddrFromSlice(a[kind]); ok {
			return address, true
		}
	}
	return netip.Addr{}, false
}

// linkName is the name of an interface, kept in names; empty: the interface has gone since the addresses were listed.
func (k *Kernel) linkName(names map[int]string, index int) (string, error) {
	if name, known := names[index]; known {
		return name, nil
	}
	link, err := k.links.LinkByIndex(index)
	switch gone := (netlink.LinkNotFoundError{}); {
	case err == nil:
		names[index] = link.Attrs().Name
	case errors.As(err, &gone):
		names[index] = ""
	default:
		return "", fmt.Errorf("look up interface %d: %w", index, err)
	}
	return names[index], nil
}

// marked says whether an address carries one of our marks. IPv6 addresses have no labels.
func marked(name string, a attributes) bool {
	if proto := a[ifaProto]; len(proto) > 0 && proto[0] == plan.AddressProtocol {
		return true
	}
	label := plan.Label(name)
	return label != "" && unix.ByteSliceToString(a[unix.IFA_LABEL]) == label
}

// addAddress adds an address with our marks. One that the interface has already, ours or not, is no error.
func (k *Kernel) addAddress(o plan.AddAddress) error {
	err := k.changeAddress(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, o.Interface, o.Prefix)
	switch {
	case err == nil, errors.Is(err, unix.EEXIST):
		return nil
	case errors.Is(err, unix.EACCES) && o.Prefix.Addr().Is6():
		return fmt.Errorf("add address %s to interface %s: IPv6 is off there: set net.ipv6.conf.%s.disable_ipv6 to 0: %w",
			o.Prefix, o.Interface, o.Interface, err)
	default:
		return fmt.Errorf("add address %s to interface %s: %w", o.Prefix, o.Interface, advise(err))
	}
}

// deleteAddress deletes an address. It succeeds where the address or the interface is absent.
func (k *Kernel) deleteAddress(o plan.DeleteAddress) error {
	err := k.changeAddress(unix.RTM_DELADDR, 0, o.Interface, o.Prefix)
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete address %s from interface %s: %w", o.Prefix, o.Interface, advise(err))
	}
	return nil
}

// changeAddress sends one rtnetlink request about one address.
func (k *Kernel) changeAddress(command, flags int, name string, prefix netip.Prefix) error {
	link, err := k.links.LinkByName(name)
	if gone := (netlink.LinkNotFoundError{}); errors.As(err, &gone) {
		return unix.ENODEV
	} else if err != nil {
		return fmt.Errorf("look up the interface: %w", err)
	}
	return k.change(command, flags, addressAttributes(command, link.Attrs().Index, name, prefix)...)
}

// addressAttributes are what a request about one address of an interface holds.
func addressAttributes(command, index int, name string, prefix netip.Prefix) []nl.NetlinkRequestData {
	family := ipvs.FamilyOf(prefix.Addr())
	header := nl.NewIfAddrmsg(int(family))
	header.Index = uint32(index)
	header.Prefixlen = uint8(prefix.Bits())
	data := []nl.NetlinkRequestData{
		header,
		nl.NewRtAttr(unix.IFA_LOCAL, prefix.Addr().AsSlice()),
		nl.NewRtAttr(unix.IFA_ADDRESS, prefix.Addr().AsSlice()),
		nl.NewRtAttr(ifaProto, []byte{plan.AddressProtocol}),
	}
	if family == ipvs.IPv6 {
		return append(data, virtualIPv6()...)
	}
	header.Scope = scope(name)
	if label := plan.Label(name); label != "" && command == unix.RTM_NEWADDR {
		data = append(data, nl.NewRtAttr(unix.IFA_LABEL, nl.ZeroTerminated(label)))
	}
	return data
}

// virtualIPv6 adds an IPv6 address that can be used at once, as another director gave it up just now: without duplicate
// address detection (RFC 4862 section 5.4). It is deprecated from the start, so that the kernel does not pick the virtual IP
// as the source of the node's own connections (RFC 6724 section 5, rule 3), and never ends.
func virtualIPv6() []nl.NetlinkRequestData {
	// struct ifa_cacheinfo: preferred and valid for so many seconds, the greatest number for ever; made and changed when.
	lifetimes := slices.Concat(nl.Uint32Attr(0), nl.Uint32Attr(math.MaxUint32), nl.Uint32Attr(0), nl.Uint32Attr(0))
	return []nl.NetlinkRequestData{
		nl.NewRtAttr(unix.IFA_FLAGS, nl.Uint32Attr(unix.IFA_F_NODAD)),
		nl.NewRtAttr(unix.IFA_CACHEINFO, lifetimes),
	}
}

// scope is that of an IPv4 address that we add. On lo it is host: the kernel then never picks the virtual IP as the source of
// the real server's own connections, which it otherwise may on interfaces without an address.
func scope(name string) uint8 {
	if name == realserver.Interface {
		return unix.RT_SCOPE_HOST
	}
	return unix.RT_SCOPE_UNIVERSE
}
