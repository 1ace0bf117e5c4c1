// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
)

// Operation is one change of a kernel, one of the types below. It prints as the command that would do the same.
type Operation interface {
	fmt.Stringer
	// operation keeps the list of types in this file complete.
	operation()
}

// AddService adds a service without destinations.
type AddService struct{ Service ipvs.Service }

// UpdateService changes a service's scheduler and persistence in place; destinations, connections and counters stay.
type UpdateService struct{ Service ipvs.Service }

// DeleteService deletes a service with its destinations.
type DeleteService struct{ Service ipvs.ServiceKey }

// AddDestination adds a real server to a service.
type AddDestination struct {
	Service     ipvs.ServiceKey
	Destination ipvs.Destination
}

// UpdateDestination changes a real server's weight and forwarding method in place; connections and counters stay.
type UpdateDestination struct {
	Service     ipvs.ServiceKey
	Destination ipvs.Destination
}

// DeleteDestination deletes a real server from a service.
type DeleteDestination struct {
	Service     ipvs.ServiceKey
	Destination netip.AddrPort
}

// AddAddress adds an address to an interface, with our marks.
type AddAddress struct {
	Interface string
	Prefix    netip.Prefix
}

// DeleteAddress deletes an address from an interface.
type DeleteAddress struct {
	Interface string
	Prefix    netip.Prefix
}

// AddLink adds a macvlan link, with our mark and LinkSettings in force. It is down.
type AddLink struct{ Link Link }

// SetLink takes a link of ours up or down. Down it neither receives nor sends, and IPv6 addresses leave it.
type SetLink struct {
	Name string
	Up   bool
}

// DeleteLink deletes a link of ours, with its addresses and settings.
type DeleteLink struct{ Name string }

// SetSysctl writes a kernel setting.
type SetSysctl struct {
	// Name in dotted form.
	Name string
	// Value as it is read back.
	Value string
}

// SetTimeouts sets how long connections without packets are kept. What is 0 stays as it is.
type SetTimeouts struct{ Timeouts ipvs.Timeouts }

// StartDaemon starts a sync daemon. The kernel runs at most one a state, and changes none in place.
type StartDaemon struct{ Daemon ipvs.Daemon }

// StopDaemon stops the sync daemon of a state.
type StopDaemon struct{ State ipvs.DaemonState }

// SetMarks makes the rules the whole of our nftables table, in one transaction; none: the table goes.
type SetMarks struct{ Rules []mark.Rule }

// SetClosed makes the addresses those to which packets are dropped that IPVS does not take, in one transaction; none: our table goes.
type SetClosed struct{ Addresses []netip.Addr }

// AddRoute adds the local default route of our routing table, so that packets to any address are this node's.
type AddRoute struct{ Family ipvs.Family }

// DeleteRoute deletes what AddRoute adds.
type DeleteRoute struct{ Family ipvs.Family }

// AddRule sends packets with a firewall mark to our routing table.
type AddRule struct {
	Mark   uint32
	Family ipvs.Family
}

// DeleteRule deletes what AddRule adds.
type DeleteRule struct {
	Mark   uint32
	Family ipvs.Family
}

// String is the ipvsadm command.
func (o *AddService) String() string { return "ipvsadm -A " + o.Service.String() }

// String is the ipvsadm command.
func (o *UpdateService) String() string { return "ipvsadm -E " + o.Service.String() }

// String is the ipvsadm command.
func (o *DeleteService) String() string { return "ipvsadm -D " + o.Service.Option() }

// String is the ipvsadm command.
func (o *AddDestination) String() string {
	return "ipvsadm -a " + o.Service.Option() + " " + o.Destination.String()
}

// String is the ipvsadm command.
func (o *UpdateDestination) String() string {
	return "ipvsadm -e " + o.Service.Option() + " " + o.Destination.String()
}

// String is the ipvsadm command.
func (o *DeleteDestination) String() string {
	return "ipvsadm -d " + o.Service.Option() + " -r " + o.Destination.String()
}

// String is the ip command, with the label where it fits.
func (o *AddAddress) String() string {
	command := fmt.Sprintf("ip address add %s dev %s proto %d", o.Prefix, o.Interface, AddressProtocol)
	if label := Label(o.Interface); label != "" {
		command += " label " + label
	}
	return command
}

// String is the ip command.
func (o *DeleteAddress) String() string {
	return fmt.Sprintf("ip address del %s dev %s", o.Prefix, o.Interface)
}

// String is the ip command; the settings that come with the link are not in it.
func (o *AddLink) String() string {
	return fmt.Sprintf("ip link add link %s name %s address %s group %d type macvlan mode bridge", o.Link.Parent, o.Link.Name, o.Link.MAC, LinkGroup)
}

// String is the ip command.
func (o *SetLink) String() string {
	if o.Up {
		return "ip link set dev " + o.Name + " up"
	}
	return "ip link set dev " + o.Name + " down"
}

// String is the ip command.
func (o *DeleteLink) String() string { return "ip link del " + o.Name }

// String is the ipvsadm command; 0 leaves a time-out as it is.
func (o *SetTimeouts) String() string { return "ipvsadm " + o.Timeouts.String() }

// String is the ipvsadm command.
func (o *StartDaemon) String() string { return "ipvsadm " + o.Daemon.String() }

// String is the ipvsadm command.
func (o *StopDaemon) String() string { return "ipvsadm --stop-daemon " + o.State.String() }

// String is the nft command that shows the table.
func (o *SetMarks) String() string { return fmt.Sprintf("nft: %d rules in our table", len(o.Rules)) }

// mostPrinted is how many closed addresses are named.
const mostPrinted = 8

// String says what the nft table is for.
func (o *SetClosed) String() string {
	named := make([]string, 0, mostPrinted+1)
	for i, address := range o.Addresses {
		if i == mostPrinted {
			named = append(named, fmt.Sprintf("and %d more", len(o.Addresses)-i))
			break
		}
		named = append(named, address.String())
	}
	if len(named) == 0 {
		return "nft: no virtual IP is closed"
	}
	return "nft: closed to all but IPVS: " + strings.Join(named, " ")
}

// String is the ip command.
func (o *AddRoute) String() string { return "ip route add " + localDefault(o.Family) }

// String is the ip command.
func (o *DeleteRoute) String() string { return "ip route del " + localDefault(o.Family) }

// String is the ip command.
func (o *AddRule) String() string { return "ip rule add " + markRule(o.Mark, o.Family) }

// String is the ip command.
func (o *DeleteRule) String() string { return "ip rule del " + markRule(o.Mark, o.Family) }

func localDefault(family ipvs.Family) string {
	return fmt.Sprintf("local %s/0 dev lo table %d proto %d", family.Unspecified(), mark.RoutingTable, AddressProtocol)
}

func markRule(value uint32, family ipvs.Family) string {
	from := fmt.Sprintf("from %s/0", family.Unspecified())
	return fmt.Sprintf("%s fwmark %d lookup %d priority %d protocol %d", from, value, mark.RoutingTable, mark.RulePriority, AddressProtocol)
}

// String is the sysctl command.
func (o *SetSysctl) String() string { return "sysctl -w " + o.Name + "=" + o.Value }

func (*AddService) operation()        {}
func (*UpdateService) operation()     {}
func (*DeleteService) operation()     {}
func (*AddDestination) operation()    {}
func (*UpdateDestination) operation() {}
func (*DeleteDestination) operation() {}
func (*AddAddress) operation()        {}
func (*DeleteAddress) operation()     {}
func (*AddLink) operation()           {}
func (*SetLink) operation()           {}
func (*DeleteLink) operation()        {}
func (*SetSysctl) operation()         {}
func (*SetTimeouts) operation()       {}
func (*StartDaemon) operation()       {}
func (*StopDaemon) operation()        {}
func (*SetMarks) operation()          {}
func (*SetClosed) operation()         {}
func (*AddRoute) operation()          {}
func (*DeleteRoute) operation()       {}
func (*AddRule) operation()           {}
func (*DeleteRule) operation()        {}
