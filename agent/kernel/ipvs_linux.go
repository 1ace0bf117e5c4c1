// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// ErrNoIPVS says that the kernel has no IPVS.
var ErrNoIPVS = errors.New("the kernel has no IPVS: load the module ip_vs on this node (modprobe ip_vs)")

// Commands of the IPVS family (enum in linux/ip_vs.h).
const (
	cmdNewService = 1
	cmdSetService = 2
	cmdDelService = 3
	cmdGetService = 4
	cmdNewDest    = 5
	cmdSetDest    = 6
	cmdDelDest    = 7
	cmdGetDest    = 8
)

// ipvsVersion is IPVS_GENL_VERSION.
const ipvsVersion = 1

// ipvsClient asks the kernel's IPVS family. The family's number changes when the module is loaded again, so a client lives
// no longer than one Read or Apply.
type ipvsClient struct {
	family  int
	sockets map[int]*nl.SocketHandle
}

// ipvs is a client of the IPVS table, or ErrNoIPVS.
func (k *Kernel) ipvs() (*ipvsClient, error) {
	family, err := k.links.GenlFamilyGet("IPVS")
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, ErrNoIPVS
	case err != nil:
		return nil, fmt.Errorf("look up the netlink family IPVS: %w", err)
	}
	return &ipvsClient{family: int(family.ID), sockets: k.sockets}, nil
}

// execute sends one request and returns the answers' payloads without their generic netlink header.
func (c *ipvsClient) execute(command uint8, flags int, attributes ...nl.NetlinkRequestData) ([][]byte, error) {
	request := nl.NewNetlinkRequest(c.family, flags)
	request.Sockets = c.sockets
	request.AddData(&nl.Genlmsg{Command: command, Version: ipvsVersion})
	for _, attribute := range attributes {
		request.AddData(attribute)
	}
	answers, err := request.Execute(unix.NETLINK_GENERIC, 0)
	if err != nil {
		return nil, err
	}
	for i, answer := range answers {
		if len(answer) < nl.SizeofGenlmsg {
			return nil, fmt.Errorf("answer of %d bytes is shorter than a generic netlink header", len(answer))
		}
		answers[i] = answer[nl.SizeofGenlmsg:]
	}
	return answers, nil
}

// write sends a request that has no answer but its acknowledgement.
func (c *ipvsClient) write(command uint8, attributes ...nl.NetlinkRequestData) error {
	_, err := c.execute(command, unix.NLM_F_ACK, attributes...)
	return err
}

// readServices reads the services inside the networks, with their destinations, sorted.
func (k *Kernel) readServices(ctx context.Context, owned []netip.Prefix) (ipvs.Table, error) {
	if len(owned) == 0 {
		return nil, nil
	}
	client, err := k.ipvs()
	if err != nil {
		return nil, fmt.Errorf("read the IPVS table: %w", err)
	}
	answers, err := client.execute(cmdGetService, unix.NLM_F_DUMP)
	if err != nil {
		return nil, fmt.Errorf("read the IPVS services: %w", advise(err))
	}
	var table ipvs.Table
	for _, answer := range answers {
		service, ok, err := decodeService(answer)
		if err != nil {
			return nil, fmt.Errorf("read the IPVS services: %w", err)
		}
		if !ok || !plan.Owns(owned, service.Key.Address) {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return nil, fmt.Errorf("read the IPVS table: %w", err)
		}
		destinations, err := client.readDestinations(service.Key)
		if err != nil {
			return nil, fmt.Errorf("read the destinations of %s: %w", service.Key, advise(err))
		}
		table = append(table, ipvs.Entry{Service: service, Destinations: destinations})
	}
	table.Sort()
	return table, nil
}

// readDestinations reads the destinations of a service. A service that was deleted in the meantime has none.
func (c *ipvsClient) readDestinations(key ipvs.ServiceKey) ([]ipvs.Destination, error) {
	answers, err := c.execute(cmdGetDest, unix.NLM_F_DUMP, encodeServiceKey(key))
	if err != nil {
		return nil, err
	}
	var destinations []ipvs.Destination
	for _, answer := range answers {
		destination, ok, err := decodeDestination(answer)
		if err != nil {
			return nil, err
		}
		if ok {
			destinations = append(destinations, destination)
		}
	}
	return destinations, nil
}

// apply carries out one operation on the IPVS table.
func (c *ipvsClient) apply(operation plan.Operation) error {
	switch o := operation.(type) {
	case plan.AddService:
		return c.setService("add", cmdNewService, cmdSetService, o.Service)
	case plan.UpdateService:
		return c.setService("update", cmdSetService, cmdNewService, o.Service)
	case plan.DeleteService:
		err := c.write(cmdDelService, encodeServiceKey(o.Service))
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("delete service %s: %w", o.Service, advise(err))
		}
		return nil
	case plan.AddDestination:
		return c.setDestination("add", cmdNewDest, cmdSetDest, o.Service, o.Destination)
	case plan.UpdateDestination:
		return c.setDestination("update", cmdSetDest, cmdNewDest, o.Service, o.Destination)
	case plan.DeleteDestination:
		gone := ipvs.Destination{Address: o.Destination.Addr(), Port: o.Destination.Port()}
		err := c.write(cmdDelDest, encodeServiceKey(o.Service), encodeDestination(gone))
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("delete destination %s from %s: %w", o.Destination, o.Service, advise(err))
		}
		return nil
	default:
		return fmt.Errorf("%s: unknown operation %T", operation, operation)
	}
}

// setService sends the command, or the other one if the service turns out to exist, or not to.
func (c *ipvsClient) setService(verb string, command, other uint8, service ipvs.Service) error {
	err := c.write(command, encodeService(service))
	if errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ESRCH) {
		err = c.write(other, encodeService(service))
	}
	switch {
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%s service %s: the kernel has no scheduler %s: load the module ip_vs_%s on this node (modprobe ip_vs_%s): %w",
			verb, service.Key, service.Scheduler, service.Scheduler, service.Scheduler, err)
	case err != nil:
		return fmt.Errorf("%s service %s: %w", verb, service.Key, advise(err))
	}
	return nil
}

// setDestination sends the command, or the other one if the destination turns out to exist, or not to.
func (c *ipvsClient) setDestination(verb string, command, other uint8, key ipvs.ServiceKey, destination ipvs.Destination) error {
	err := c.write(command, encodeServiceKey(key), encodeDestination(destination))
	if errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOENT) {
		err = c.write(other, encodeServiceKey(key), encodeDestination(destination))
	}
	switch {
	case errors.Is(err, unix.ESRCH):
		return fmt.Errorf("%s destination %s to %s: the service does not exist; it is added again after the next reading: %w",
			verb, destination.Key(), key, err)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s destination %s to %s: the kernel takes only unicast and local addresses that it has a route for: %w",
			verb, destination.Key(), key, err)
	case err != nil:
		return fmt.Errorf("%s destination %s to %s: %w", verb, destination.Key(), key, advise(err))
	}
	return nil
}
