// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// ifaProto is IFA_PROTO of linux/if_addr.h: who added an address. Kernels before 5.18 have none.
const ifaProto = 11

// interfaces is what the kernel knows of interfaces.
type interfaces interface {
	// LinkByName finds an interface. netlink.LinkNotFoundError says that there is none; any other error, that the kernel
	// did not say.
	LinkByName(name string) (netlink.Link, error)
	// addresses lists the addresses of an interface, in the kernel's order. nl.ErrDumpInterrupted says that they
	// changed meanwhile.
	addresses(link netlink.LinkAttrs) ([]linkAddress, error)
}

// linkAddress is an address of an interface.
type linkAddress struct {
	netip.Addr
	// primary says that VRRP may send from it: over IPv4 it is of global scope and not secondary, over IPv6 link-local and not
	// tentative.
	primary bool
	// virtual says that it carries our mark: it is some virtual router's, and moves.
	virtual bool
}

// rtnetlink asks the kernel of the calling thread's network namespace (rtnetlink(7)).
type rtnetlink struct{ netlink.Handle }

func (*rtnetlink) addresses(link netlink.LinkAttrs) ([]linkAddress, error) {
	request := nl.NewNetlinkRequest(unix.RTM_GETADDR, unix.NLM_F_DUMP)
	request.AddData(nl.NewIfAddrmsg(unix.AF_UNSPEC))
	messages, err := request.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWADDR)
	if err != nil {
		return nil, err
	}
	var list []linkAddress
	for _, message := range messages {
		address, about, err := decodeAddress(message, link.Name)
		if err != nil {
			return nil, err
		}
		if about == link.Index && address.IsValid() {
			list = append(list, address)
		}
	}
	return list, nil
}

// decodeAddress reads an ifaddrmsg with its attributes (linux/if_addr.h), and the index of the interface that it is about.
// name is that interface's, if it is the one that matters.
func decodeAddress(message []byte, name string) (linkAddress, int, error) {
	if len(message) < unix.SizeofIfAddrmsg {
		return linkAddress{}, 0, fmt.Errorf("address message of %d bytes: want at least %d", len(message), unix.SizeofIfAddrmsg)
	}
	header := nl.DeserializeIfAddrmsg(message)
	attributes, err := nl.ParseRouteAttr(message[unix.SizeofIfAddrmsg:])
	if err != nil {
		return linkAddress{}, 0, fmt.Errorf("address message: %w", err)
	}
	address := linkAddress{primary: header.Flags&unix.IFA_F_SECONDARY == 0 && header.Scope == unix.RT_SCOPE_UNIVERSE}
	if header.Family == unix.AF_INET6 {
		const unusable = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED
		address.primary = header.Flags&unusable == 0 && header.Scope == unix.RT_SCOPE_LINK
	}
	label := plan.Label(name)
	for _, attribute := range attributes {
		switch attribute.Attr.Type {
		case unix.IFA_LOCAL:
			address.Addr, _ = netip.AddrFromSlice(attribute.Value)
		case unix.IFA_ADDRESS:
			// The other end's where there is an IFA_LOCAL, which IPv6 seldom has.
			if !address.IsValid() {
				address.Addr, _ = netip.AddrFromSlice(attribute.Value)
			}
		case unix.IFA_LABEL:
			address.virtual = address.virtual || label != "" && unix.ByteSliceToString(attribute.Value) == label
		case ifaProto:
			address.virtual = address.virtual || len(attribute.Value) > 0 && attribute.Value[0] == plan.AddressProtocol
		}
	}
	return address, int(header.Index), nil
}
