// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/realserver"
)

// ifaProto is IFA_PROTO of linux/if_addr.h: who added an address. Kernels before 5.18 ignore it.
const ifaProto = 11

// dumpTries is how often a list is read again that changed while it was read.
const dumpTries = 5

// readAddresses lists the IPv4 addresses of all interfaces, in the kernel's order.
func (k *Kernel) readAddresses() ([]plan.Address, error) {
	messages, err := k.dumpAddresses()
	if err != nil {
		return nil, fmt.Errorf("read the addresses of all interfaces: %w", advise(err))
	}
	names := map[int]string{}
	var addresses []plan.Address
	for _, message := range messages {
		header := nl.DeserializeIfAddrmsg(message)
		name, err := k.linkName(names, int(header.Index))
		if err != nil {
			return nil, fmt.Errorf("read the addresses of all interfaces: %w", err)
		}
		a, err := decodeAttributes(message[header.Len():])
		if err != nil {
			return nil, fmt.Errorf("read the addresses of %s: %w", name, err)
		}
		// With a peer, IFA_ADDRESS is the peer's and IFA_LOCAL ours.
		address, ok := a.address(unix.IFA_LOCAL)
		if !ok {
			address, ok = a.address(unix.IFA_ADDRESS)
		}
		if name == "" || !ok {
			continue
		}
		addresses = append(addresses, plan.Address{
			Interface: name, Prefix: netip.PrefixFrom(address, int(header.Prefixlen)), Ours: marked(name, a),
		})
	}
	return addresses, nil
}

// dumpAddresses lists the IPv4 addresses as rtnetlink messages.
func (k *Kernel) dumpAddresses() ([][]byte, error) {
	for try := 1; ; try++ {
		request := nl.NewNetlinkRequest(unix.RTM_GETADDR, unix.NLM_F_DUMP)
		request.Sockets = k.sockets
		request.AddData(nl.NewIfAddrmsg(unix.AF_INET))
		messages, err := request.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWADDR)
		if err == nil || !errors.Is(err, nl.ErrDumpInterrupted) || try == dumpTries {
			return messages, err
		}
	}
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

// marked says whether an address carries one of our marks.
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
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add address %s to interface %s: %w", o.Prefix, o.Interface, advise(err))
	}
	return nil
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
	header := nl.NewIfAddrmsg(unix.AF_INET)
	header.Index = uint32(link.Attrs().Index)
	header.Prefixlen = uint8(prefix.Bits())
	header.Scope = scope(name)

	request := nl.NewNetlinkRequest(command, flags|unix.NLM_F_ACK)
	request.Sockets = k.sockets
	request.AddData(header)
	request.AddData(nl.NewRtAttr(unix.IFA_LOCAL, prefix.Addr().AsSlice()))
	request.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, prefix.Addr().AsSlice()))
	if command == unix.RTM_NEWADDR {
		request.AddData(nl.NewRtAttr(ifaProto, []byte{plan.AddressProtocol}))
		if label := plan.Label(name); label != "" {
			request.AddData(nl.NewRtAttr(unix.IFA_LABEL, nl.ZeroTerminated(label)))
		}
	}
	_, err = request.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// scope is that of an address that we add. On lo it is host: the kernel then never picks the virtual IP as the source of
// the real server's own connections, which it otherwise may on interfaces without an address.
func scope(name string) uint8 {
	if name == realserver.Interface {
		return unix.RT_SCOPE_HOST
	}
	return unix.RT_SCOPE_UNIVERSE
}
