// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// loopback is the index of lo in every network namespace: LOOPBACK_IFINDEX of the kernel's net/flow.h.
const loopback = 1

// families are those that policy routes are read for.
var families = []ipvs.Family{ipvs.IPv4, ipvs.IPv6}

// readRoutes reads for which families our routing table has its local default route, with our protocol number.
func (k *Kernel) readRoutes() ([]ipvs.Family, error) {
	var found []ipvs.Family
	for _, family := range families {
		messages, err := k.dump(unix.RTM_GETROUTE, unix.RTM_NEWROUTE,
			&nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(family)}}, nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(mark.RoutingTable)))
		if notThere(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the %s routes of table %d: %w", family, mark.RoutingTable, advise(err))
		}
		for _, message := range messages {
			ours, err := isLocalDefault(message, family)
			if err != nil {
				return nil, fmt.Errorf("read the %s routes of table %d: %w", family, mark.RoutingTable, err)
			}
			if ours {
				found = append(found, family)
				break
			}
		}
	}
	return found, nil
}

// isLocalDefault says whether a route is ours. A kernel before 4.20 lists those of other tables, too.
func isLocalDefault(message []byte, family ipvs.Family) (bool, error) {
	if len(message) < unix.SizeofRtMsg {
		return false, fmt.Errorf("route of %d bytes is shorter than its header", len(message))
	}
	header := nl.DeserializeRtMsg(message)
	a, err := decodeAttributes(message[unix.SizeofRtMsg:])
	return header.Family == uint8(family) && header.Type == unix.RTN_LOCAL && header.Dst_len == 0 &&
		header.Protocol == plan.AddressProtocol && a.native32(unix.RTA_TABLE) == mark.RoutingTable && a.native32(unix.RTA_OIF) == loopback, err
}

// addRoute adds the local default route of our routing table, in place of any that stands there.
func (k *Kernel) addRoute(o plan.AddRoute) error {
	if err := k.change(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, localDefault(o.Family)...); err != nil {
		return fmt.Errorf("add the %s local default route to table %d: %w", o.Family, mark.RoutingTable, advise(err))
	}
	return nil
}

// deleteRoute deletes our local default route. It succeeds where there is none.
func (k *Kernel) deleteRoute(o plan.DeleteRoute) error {
	if err := k.change(unix.RTM_DELROUTE, 0, localDefault(o.Family)...); err != nil && !notThere(err) {
		return fmt.Errorf("delete the %s local default route from table %d: %w", o.Family, mark.RoutingTable, advise(err))
	}
	return nil
}

// localDefault is `local default dev lo` in our routing table. IPv6 knows no scopes.
func localDefault(family ipvs.Family) []nl.NetlinkRequestData {
	header := &nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(family), Type: unix.RTN_LOCAL, Protocol: plan.AddressProtocol}}
	if family == ipvs.IPv4 {
		header.Scope = unix.RT_SCOPE_HOST
	}
	return []nl.NetlinkRequestData{
		header,
		nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(mark.RoutingTable)),
		nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(loopback)),
	}
}

// notThere says whether the kernel's answer is that there is nothing such: no route, no rule, no routing table, or not even
// the address family.
func notThere(err error) bool {
	for _, answer := range []error{unix.ENOENT, unix.ESRCH, unix.EAFNOSUPPORT, unix.EOPNOTSUPP} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}
