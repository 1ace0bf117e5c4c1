// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"context"
	"fmt"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/ipvsnet"
)

// Listing is the IPVS table that is read bit by bit. It belongs to one goroutine.
type Listing struct {
	kernel *Kernel
	// client is that of the list of services alone; nil before the first Next.
	client  *ipvsnet.Client
	listing *ipvsnet.Listing
}

// List starts a listing that is read bit by bit, so that looking over a large table costs little at a time. Nothing is
// opened before the first Next, which follows the network namespace of its thread.
func (k *Kernel) List() *Listing { return &Listing{kernel: k} }

// Next reads on until most services that owns accepts have been read or the listing has ended (more is false), in the
// kernel's order. A listing holds a netlink dump open on a socket of its own; while services come or go, in any network
// namespace, others may be missed or appear twice. After an error the listing has ended.
func (l *Listing) Next(
	ctx context.Context, most int, owns func(ipvs.ServiceKey) bool,
) (readings []ipvs.Reading, more bool, err error) {
	if err := l.open(); err != nil {
		return nil, false, fmt.Errorf("list the IPVS services: %w", advise(err))
	}
	for len(readings) < most {
		if err := context.Cause(ctx); err != nil {
			return nil, false, fmt.Errorf("list the IPVS services: %w", err)
		}
		service, found, err := l.listing.Next()
		if err != nil {
			return nil, false, fmt.Errorf("list the IPVS services: %w", advise(err))
		}
		if !found {
			return readings, false, nil
		}
		if !owns(service.Key) {
			continue
		}
		reading, err := l.kernel.table.reading(service)
		if err != nil {
			return nil, false, err
		}
		readings = append(readings, reading)
	}
	return readings, true, nil
}

// open begins the list of services at the first Next.
func (l *Listing) open() error {
	if l.listing != nil {
		return nil
	}
	client, err := ipvsnet.Open()
	if err != nil {
		return err
	}
	l.client = client
	l.listing, err = client.ListServices()
	return err
}

// Close frees the socket. It has to be called, also after an error; while a listing is open ip_vs cannot be unloaded.
func (l *Listing) Close() {
	if l.client != nil {
		l.client.Close()
	}
}
