// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ipvsnet

import (
	"bytes"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// Bodies are the kernel's own bytes of a service and of its destinations.
func (c *Client) Bodies(key ipvs.ServiceKey) (service []byte, destinations [][]byte, err error) {
	body, err := c.get(func(r wire.Request, b []byte) []byte { return r.GetService(b, key) })
	if err != nil {
		return nil, nil, err
	}
	service = bytes.Clone(body)
	err = c.dump(
		func(r wire.Request, b []byte) []byte { return r.GetDests(b, key) },
		func() { destinations = nil },
		func(body []byte) error {
			destinations = append(destinations, bytes.Clone(body))
			return nil
		},
	)
	return service, destinations, err
}
