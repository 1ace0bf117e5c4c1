// SPDX-License-Identifier: Apache-2.0

package ipvsnet

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// ErrNoService says that there is no such service in the kernel.
var ErrNoService = errors.New("the kernel has no such service")

// dumpTries is how often a list is read again that changed while it was read.
const dumpTries = 5

// errInterrupted says that a list changed while it was read.
var errInterrupted = errors.New("it changed all the time while it was read")

// Service reads one service, or ErrNoService.
func (c *Client) Service(key ipvs.ServiceKey) (ipvs.Service, error) {
	body, err := c.get(func(r wire.Request, b []byte) []byte { return r.GetService(b, key) })
	switch {
	// A kernel built without IPv6 for IPVS has no such service either.
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.EAFNOSUPPORT):
		return ipvs.Service{}, fmt.Errorf("%s: %w", key, ErrNoService)
	case err != nil:
		return ipvs.Service{}, err
	}
	return wire.DecodeService(body)
}

// Services reads all services, in the kernel's order. While others come or go, in any network namespace, one may be missed or
// be there twice: the kernel goes on by place in a table of all namespaces, and does not tell.
func (c *Client) Services() ([]ipvs.Service, error) {
	var services []ipvs.Service
	err := c.dump(wire.Request.GetServices, func() { services = services[:0] }, func(body []byte) error {
		service, err := wire.DecodeService(body)
		services = append(services, service)
		return err
	})
	return services, err
}

// Destinations appends the destinations of a service to the first list and their connections to the second, in the kernel's
// order. A service that does not exist has none.
func (c *Client) Destinations(
	key ipvs.ServiceKey, destinations []ipvs.Destination, connections []ipvs.Connections,
) ([]ipvs.Destination, []ipvs.Connections, error) {
	before, family := len(destinations), key.Family()
	err := c.dump(
		func(r wire.Request, b []byte) []byte { return r.GetDests(b, key) },
		func() { destinations, connections = destinations[:before], connections[:before] },
		func(body []byte) error {
			destination, counts, err := wire.DecodeDestination(body, family)
			destinations, connections = append(destinations, destination), append(connections, counts)
			return err
		},
	)
	return destinations, connections, err
}

// Statistics reads those of a service, or ErrNoService, and of its destinations.
func (c *Client) Statistics(key ipvs.ServiceKey) (ipvs.Statistics, map[netip.AddrPort]ipvs.Statistics, error) {
	body, err := c.get(func(r wire.Request, b []byte) []byte { return r.GetService(b, key) })
	switch {
	case errors.Is(err, unix.ESRCH):
		return ipvs.Statistics{}, nil, fmt.Errorf("%s: %w", key, ErrNoService)
	case err != nil:
		return ipvs.Statistics{}, nil, err
	}
	service, err := wire.DecodeServiceStatistics(body)
	if err != nil {
		return ipvs.Statistics{}, nil, err
	}
	destinations := map[netip.AddrPort]ipvs.Statistics{}
	err = c.dump(
		func(r wire.Request, b []byte) []byte { return r.GetDests(b, key) },
		func() { clear(destinations) },
		func(body []byte) error {
			destination, _, err := wire.DecodeDestination(body, key.Family())
			if err != nil {
				return err
			}
			destinations[destination.Key()], err = wire.DecodeDestinationStatistics(body)
			return err
		},
	)
	return service, destinations, err
}

// Daemons reads the sync daemons that run: at most one Master and one Backup, in this order.
func (c *Client) Daemons() ([]ipvs.Daemon, error) {
	var daemons []ipvs.Daemon
	err := c.dump(wire.Request.GetDaemons, func() { daemons = nil }, func(body []byte) error {
		daemon, err := wire.DecodeDaemon(body)
		daemons = append(daemons, daemon)
		return err
	})
	return daemons, err
}

// Timeouts reads how long connections are kept.
func (c *Client) Timeouts() (ipvs.Timeouts, error) {
	body, err := c.get(wire.Request.GetConfig)
	if err != nil {
		return ipvs.Timeouts{}, err
	}
	return wire.DecodeTimeouts(body)
}

// Info reads what the kernel says of IPVS as a whole.
func (c *Client) Info() (ipvs.Info, error) {
	body, err := c.get(wire.Request.GetInfo)
	if err != nil {
		return ipvs.Info{}, err
	}
	return wire.DecodeInfo(body)
}

// get asks for what has one answer, and returns its body.
func (c *Client) get(encode func(r wire.Request, b []byte) []byte) ([]byte, error) {
	for again := true; ; again = false {
		if err := c.ready(); err != nil {
			return nil, err
		}
		c.buffer = encode(c.request(), c.buffer[:0])
		body, err := c.exchange()
		retry, err := c.retry(err, again)
		if !retry {
			return body, err
		}
	}
}

// retry says whether a question whose answer was err should be asked again: no question is answered with ENOENT by IPVS, so
// the family has another number now. It returns the error to give up with.
func (c *Client) retry(err error, again bool) (bool, error) {
	if !errors.Is(err, unix.ENOENT) || !again {
		return false, err
	}
	if _, err := c.replaced(); err != nil {
		return false, err
	}
	return true, nil
}

// dump asks for a list, and calls take with each body of the answer. It calls reset before each try.
func (c *Client) dump(encode func(r wire.Request, b []byte) []byte, reset func(), take func(body []byte) error) error {
	again := true
	for range dumpTries {
		reset()
		list, err := c.list(encode)
		if err == nil {
			err = list.each(take)
		}
		if errors.Is(err, errInterrupted) {
			continue
		}
		retry, err := c.retry(err, again)
		if !retry {
			return err
		}
		again = false
	}
	return errInterrupted
}
