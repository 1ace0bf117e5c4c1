// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/ipvsnet"
)

// ErrNoIPVS says that the kernel has no IPVS.
var ErrNoIPVS = ipvsnet.ErrNoIPVS

// table is the IPVS table behind one socket.
type table struct {
	// mu is held for one question or one Apply's changes, never for a whole reading.
	mu     sync.Mutex
	client *ipvsnet.Client
	// destinations and connections are where those of one service are read to.
	destinations []ipvs.Destination
	connections  []ipvs.Connections
}

// Table reads every service that owns accepts, with destinations and their connections; sorted by key. While services
// come or go, in any network namespace, others may be missed, and one that goes may be there without destinations.
// ErrNoIPVS: the kernel has no IPVS.
func (k *Kernel) Table(ctx context.Context, owns func(ipvs.ServiceKey) bool) ([]ipvs.Reading, error) {
	services, err := k.table.services()
	if err != nil {
		return nil, fmt.Errorf("read the IPVS services: %w", advise(err))
	}
	services = slices.DeleteFunc(services, func(s ipvs.Service) bool { return !owns(s.Key) })
	slices.SortFunc(services, func(a, b ipvs.Service) int { return a.Key.Compare(b.Key) })
	// Where services came and went while they were listed, one may be listed twice.
	services = slices.CompactFunc(services, func(a, b ipvs.Service) bool { return a.Key == b.Key })

	readings := make([]ipvs.Reading, 0, len(services))
	for _, service := range services {
		if err := context.Cause(ctx); err != nil {
			return nil, fmt.Errorf("read the IPVS table: %w", err)
		}
		reading, err := k.table.reading(service)
		if err != nil {
			return nil, err
		}
		readings = append(readings, reading)
	}
	return readings, nil
}

// Services reads the named services, with destinations and their connections; absent ones are left out. Sorted by key.
func (k *Kernel) Services(ctx context.Context, keys []ipvs.ServiceKey) ([]ipvs.Reading, error) {
	keys = slices.Clone(keys)
	slices.SortFunc(keys, ipvs.ServiceKey.Compare)
	readings := make([]ipvs.Reading, 0, len(keys))
	for _, key := range slices.Compact(keys) {
		if err := context.Cause(ctx); err != nil {
			return nil, fmt.Errorf("read %d IPVS services: %w", len(keys), err)
		}
		service, err := k.table.service(key)
		if errors.Is(err, ipvsnet.ErrNoService) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the service %s: %w", key, advise(err))
		}
		reading, err := k.table.reading(service)
		if err != nil {
			return nil, err
		}
		readings = append(readings, reading)
	}
	return readings, nil
}

// Timeouts reads how long IPVS keeps connections without packets.
func (k *Kernel) Timeouts(ctx context.Context) (ipvs.Timeouts, error) {
	if err := context.Cause(ctx); err != nil {
		return ipvs.Timeouts{}, fmt.Errorf("read the IPVS time-outs: %w", err)
	}
	k.table.mu.Lock()
	defer k.table.mu.Unlock()
	timeouts, err := k.table.client.Timeouts()
	if err != nil {
		return ipvs.Timeouts{}, fmt.Errorf("read the IPVS time-outs: %w", advise(err))
	}
	return timeouts, nil
}

func (t *table) services() ([]ipvs.Service, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.client.Services()
}

func (t *table) service(key ipvs.ServiceKey) (ipvs.Service, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.client.Service(key)
}

// reading reads the destinations of a service. The lists are as long as they have to be: a reading can be kept.
func (t *table) reading(service ipvs.Service) (ipvs.Reading, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	t.destinations, t.connections, err = t.client.Destinations(service.Key, t.destinations[:0], t.connections[:0])
	if err != nil {
		return ipvs.Reading{}, fmt.Errorf("read the destinations of %s: %w", service.Key, advise(err))
	}
	reading := ipvs.Reading{
		Entry:       ipvs.Entry{Service: service, Destinations: slices.Clone(t.destinations)},
		Connections: slices.Clone(t.connections),
	}
	sort.Sort(byDestination(reading))
	return reading, nil
}

// byDestination sorts the destinations of a reading together with their connections.
type byDestination ipvs.Reading

// Len is the number of destinations.
func (r byDestination) Len() int { return len(r.Destinations) }

// Less compares by key.
func (r byDestination) Less(i, j int) bool { return r.Destinations[i].Compare(r.Destinations[j]) < 0 }

// Swap exchanges two destinations.
func (r byDestination) Swap(i, j int) {
	r.Destinations[i], r.Destinations[j] = r.Destinations[j], r.Destinations[i]
	r.Connections[i], r.Connections[j] = r.Connections[j], r.Connections[i]
}
