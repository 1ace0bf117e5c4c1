// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
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

// SetSysctl writes a kernel setting.
type SetSysctl struct {
	// Name in dotted form.
	Name string
	// Value as it is read back.
	Value string
}

// SetTimeouts sets how long connections without packets are kept. What is 0 stays as it is.
type SetTimeouts struct{ Timeouts ipvs.Timeouts }

// String is the ipvsadm command.
func (o AddService) String() string { return "ipvsadm -A " + o.Service.String() }

// String is the ipvsadm command.
func (o UpdateService) String() string { return "ipvsadm -E " + o.Service.String() }

// String is the ipvsadm command.
func (o DeleteService) String() string { return "ipvsadm -D " + o.Service.Option() }

// String is the ipvsadm command.
func (o AddDestination) String() string {
	return "ipvsadm -a " + o.Service.Option() + " " + o.Destination.String()
}

// String is the ipvsadm command.
func (o UpdateDestination) String() string {
	return "ipvsadm -e " + o.Service.Option() + " " + o.Destination.String()
}

// String is the ipvsadm command.
func (o DeleteDestination) String() string {
	return "ipvsadm -d " + o.Service.Option() + " -r " + o.Destination.String()
}

// String is the ip command, with the label where it fits.
func (o AddAddress) String() string {
	command := fmt.Sprintf("ip address add %s dev %s proto %d", o.Prefix, o.Interface, AddressProtocol)
	if label := Label(o.Interface); label != "" {
		command += " label " + label
	}
	return command
}

// String is the ip command.
func (o DeleteAddress) String() string {
	return fmt.Sprintf("ip address del %s dev %s", o.Prefix, o.Interface)
}

// String is the ipvsadm command; 0 leaves a time-out as it is.
func (o SetTimeouts) String() string { return "ipvsadm " + o.Timeouts.String() }

// String is the sysctl command.
func (o SetSysctl) String() string { return "sysctl -w " + o.Name + "=" + o.Value }

func (AddService) operation()        {}
func (UpdateService) operation()     {}
func (DeleteService) operation()     {}
func (AddDestination) operation()    {}
func (UpdateDestination) operation() {}
func (DeleteDestination) operation() {}
func (AddAddress) operation()        {}
func (DeleteAddress) operation()     {}
func (SetSysctl) operation()         {}
func (SetTimeouts) operation()       {}
