// SPDX-License-Identifier: Apache-2.0

package desired_test

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/serving"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// world is everything that the API server says to one node.
type world struct {
	Node             *v1alpha1.NodeState
	ServiceSlices    []v1alpha1.ServiceSlice
	RealServerSlices []v1alpha1.RealServerSlice
	Passwords        desired.Passwords
	// Previous is the state that was before; nil: none.
	Previous *state
}

// state is what a Store makes of a world.
type state struct {
	desired.Node
	Services []*desired.Service
	Applied  map[string]map[string]int64
	store    *desired.Store
	told     world
}

// tell makes a Store's world this one, and returns what the Store makes of it.
func (w world) tell(store *desired.Store, before world) (*state, []v1alpha1.Problem) {
	services, realServers := map[string]*v1alpha1.ServiceSlice{}, map[string]*v1alpha1.RealServerSlice{}
	for i := range w.ServiceSlices {
		services[w.ServiceSlices[i].Name] = &w.ServiceSlices[i]
	}
	for i := range w.RealServerSlices {
		realServers[w.RealServerSlices[i].Name] = &w.RealServerSlices[i]
	}
	store.SetNode(w.Node, w.Passwords)
	for _, slice := range before.ServiceSlices {
		if services[slice.Name] == nil {
			store.SetServiceSlice(slice.Name, nil)
		}
	}
	for _, slice := range before.RealServerSlices {
		if realServers[slice.Name] == nil {
			store.SetRealServerSlice(slice.Name, nil)
		}
	}
	for _, slice := range w.ServiceSlices {
		store.SetServiceSlice(slice.Name, services[slice.Name])
	}
	for _, slice := range w.RealServerSlices {
		store.SetRealServerSlice(slice.Name, realServers[slice.Name])
	}
	store.Commit()
	return look(store, w), store.Problems()
}

func look(store *desired.Store, told world) *state {
	s := &state{Node: store.Node(), Services: store.Services(), Applied: map[string]map[string]int64{}, store: store, told: told}
	slices.SortFunc(s.Services, func(a, b *desired.Service) int { return strings.Compare(a.Group+"/"+a.ID, b.Group+"/"+b.ID) })
	for _, group := range s.Groups {
		s.Applied[group.Name] = store.Applied(group.Name)
	}
	return s
}

// build tells the world to the Store of the previous state, or to a new one.
func (w world) build() (*state, []v1alpha1.Problem) {
	if w.Previous != nil {
		return w.tell(w.Previous.store, w.Previous.told)
	}
	return w.tell(desired.NewStore(), world{})
}

func (s *state) Equal(other *state) bool {
	return s.Node.Equal(other.Node) && slices.EqualFunc(s.Services, other.Services, (*desired.Service).Equal) &&
		maps.EqualFunc(s.Applied, other.Applied, maps.Equal)
}

func (s *state) table(healthy func(health.Target) bool) ipvs.Table {
	var table ipvs.Table
	for _, service := range s.Services {
		var state serving.State
		decision := state.Decide(time.Time{}, serving.Service{Destinations: service.Destinations, Policy: service.Policy}, func(d ipvs.Destination) serving.Health {
			target, checked := service.Target(d)
			return serving.Health{Up: !checked || healthy(target), Weight: d.Weight}
		})
		table = append(table, service.Wanted(decision).Entry)
	}
	table.Sort()
	return table
}
