// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// macvlan is the kind of the links that we add (IFLA_INFO_KIND).
const macvlan = "macvlan"

// readLinks lists the macvlan links that carry our mark, and the links of others with one of the names.
func (k *Kernel) readLinks(names []string) ([]plan.ActualLink, error) {
	filter := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	filter.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated(macvlan))
	messages, err := k.dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, nl.NewIfInfomsg(unix.AF_UNSPEC), filter)
	if err != nil {
		return nil, fmt.Errorf("read the macvlan links: %w", advise(err))
	}
	parents := map[int]string{}
	var links []plan.ActualLink
	for _, message := range messages {
		found, err := netlink.LinkDeserialize(nil, message)
		if err != nil {
			continue // a kernel without macvlan lists links of all kinds: one that cannot be read is not ours
		}
		link, err := k.describe(found, parents)
		if err != nil {
			return nil, fmt.Errorf("read link %s: %w", found.Attrs().Name, err)
		}
		if link.Ours || slices.Contains(names, link.Name) {
			links = append(links, link)
		}
	}
	// Those of other kinds were not listed.
	for _, name := range names {
		if slices.ContainsFunc(links, func(l plan.ActualLink) bool { return l.Name == name }) {
			continue
		}
		_, err := k.links.LinkByName(name)
		switch absent := (netlink.LinkNotFoundError{}); {
		case err == nil:
			links = append(links, plan.ActualLink{Link: plan.Link{Name: name}})
		case !errors.As(err, &absent):
			return nil, fmt.Errorf("look up link %s: %w", name, advise(err))
		}
	}
	return links, nil
}

// describe says what plan has to know of a link.
func (k *Kernel) describe(found netlink.Link, parents map[int]string) (plan.ActualLink, error) {
	attributes := found.Attrs()
	link := plan.ActualLink{Link: plan.Link{Name: attributes.Name}}
	of, isMacvlan := found.(*netlink.Macvlan)
	if !isMacvlan || attributes.Group != plan.LinkGroup {
		return link, nil
	}
	var err error
	link.Ours, link.Up, link.Bridge = true, attributes.Flags&net.FlagUp != 0, of.Mode == netlink.MACVLAN_MODE_BRIDGE
	copy(link.MAC[:], attributes.HardwareAddr)
	link.Parent, err = k.linkName(parents, attributes.ParentIndex)
	return link, err
}

// markLinks says of the addresses on our links that they are ours, also in a kernel that keeps no mark of addresses.
func markLinks(actual *plan.Actual) {
	ours := map[string]bool{}
	for _, link := range actual.Links {
		ours[link.Name] = link.Ours
	}
	for i := range actual.Addresses {
		address := &actual.Addresses[i]
		address.Ours = address.Ours || ours[address.Interface]
	}
}

// addLink adds a macvlan link with our mark, down and with its settings in force. One of ours that is there already gets its settings.
func (k *Kernel) addLink(o plan.AddLink) error {
	parent, err := k.links.LinkByName(o.Link.Parent)
	if err != nil {
		return fmt.Errorf("add link %s: look up interface %s: %w", o.Link.Name, o.Link.Parent, advise(absentAsENODEV(err)))
	}
	err = k.links.LinkAdd(&netlink.Macvlan{
		LinkAttrs: netlink.LinkAttrs{
			Name: o.Link.Name, ParentIndex: parent.Attrs().Index, HardwareAddr: o.Link.MAC[:], Group: plan.LinkGroup,
		},
		Mode: netlink.MACVLAN_MODE_BRIDGE,
	})
	if errors.Is(err, unix.EEXIST) {
		_, err = k.ownLink(o.Link.Name)
	}
	if err != nil {
		return fmt.Errorf("add link %s with MAC address %s to interface %s: %w", o.Link.Name, o.Link.MAC, o.Link.Parent, adviseLink(err))
	}
	for _, setting := range plan.LinkSettings(o.Link.Name) {
		if err := k.writeSysctl(plan.SetSysctl(setting)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// setLink takes a link of ours up or down. To take an absent one down succeeds.
func (k *Kernel) setLink(o plan.SetLink) error {
	link, err := k.ownLink(o.Name)
	switch {
	case err == nil && o.Up:
		err = k.links.LinkSetUp(link)
	case err == nil:
		err = k.links.LinkSetDown(link)
	}
	if err == nil || !o.Up && errors.Is(err, unix.ENODEV) {
		return nil
	}
	direction := "down"
	if o.Up {
		direction = "up"
	}
	return fmt.Errorf("take link %s %s: %w", o.Name, direction, adviseLink(err))
}

// deleteLink deletes a link of ours. It succeeds where there is none.
func (k *Kernel) deleteLink(o plan.DeleteLink) error {
	link, err := k.ownLink(o.Name)
	if err == nil {
		err = k.links.LinkDel(link)
	}
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete link %s: %w", o.Name, adviseLink(err))
	}
	return nil
}

// errForeignLink says that a link is not ours.
var errForeignLink = fmt.Errorf("a link of that name is there that the agent did not add (it would be a macvlan link of group %d): rename or delete it", plan.LinkGroup)

// ownLink finds a link of ours by its name.
func (k *Kernel) ownLink(name string) (netlink.Link, error) {
	found, err := k.links.LinkByName(name)
	if err != nil {
		return nil, absentAsENODEV(err)
	}
	described, err := k.describe(found, map[int]string{})
	if err != nil {
		return nil, err
	}
	if !described.Ours {
		return nil, errForeignLink
	}
	return found, nil
}

// absentAsENODEV is the kernel's own answer in place of the library's for an interface that does not exist.
func absentAsENODEV(err error) error {
	if absent := (netlink.LinkNotFoundError{}); errors.As(err, &absent) {
		return unix.ENODEV
	}
	return err
}

// adviseLink adds to the kernel's answer to a change of a link what to do about it.
func adviseLink(err error) error {
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w: load the kernel module %s on this node (modprobe %s)", err, macvlan, macvlan)
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%w: another link on the same interface has this MAC address, such as one of keepalived's use_vmac: stop that router, or give one of the two another id", err)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%w: the interface is a port of a bridge or bond, or has ipvlan links, and can have no macvlan link: give the bridge or bond itself as the group's interface, or leave virtualMAC out", err)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%w: the interface can have no macvlan link: give an Ethernet interface without one of mode passthru, or leave virtualMAC out", err)
	default:
		return advise(err)
	}
}
