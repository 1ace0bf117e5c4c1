// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// candidate is a service that goes in unless another one has its key.
type candidate struct {
	group   string
	service Service
	// kept says that this is the form of the previous State.
	kept bool
}

// services makes candidates of the services of a group, and fills in which slices went in.
func (b *builder) services(group *Group) {
	previous := b.previous(group.Name)
	for i := range b.in.ServiceSlices {
		slice := &b.in.ServiceSlices[i]
		if slice.Spec.DirectorGroup != group.Name {
			continue
		}
		waiting := false
		for _, compiled := range slice.Spec.Services {
			realServers, err := b.complete(group.Name, compiled.Pool)
			if err != nil {
				waiting = true
				b.problem(v1alpha1.ProblemSlicesMissing, group.Name, compiled.ID, err.Error())
				b.keep(previous, compiled.ID)
				continue
			}
			b.service(group, compiled, realServers, previous)
		}
		if generation, before := previous.Applied[slice.Name]; !waiting {
			group.Applied[slice.Name] = slice.Generation
		} else if before {
			group.Applied[slice.Name] = generation
		}
	}
}

// service makes a candidate of a compiled service whose real servers are all here.
func (b *builder) service(group *Group, compiled v1alpha1.CompiledService, realServers set, previous Group) {
	built := Service{ID: compiled.ID}
	var method ipvs.Method
	var err error
	if built.Service, method, err = parseService(compiled, group.Pools); err == nil {
		built.RealServers, err = b.realServers(group.Name, compiled.ID, realServers, built.Service.Key.Port, method)
	}
	if err != nil {
		b.problem(v1alpha1.ProblemInvalid, group.Name, compiled.ID, err.Error())
		b.keep(previous, compiled.ID)
	} else {
		b.candidates = append(b.candidates, candidate{group: group.Name, service: built})
	}
	for _, slice := range realServers.slices {
		group.Applied[slice.Name] = slice.Generation
	}
}

// previous is the group as it was in the previous State, or an empty one.
func (b *builder) previous(name string) Group {
	if b.in.Previous != nil {
		for _, group := range b.in.Previous.Groups {
			if group.Name == name {
				return group
			}
		}
	}
	return Group{Name: name}
}

// keep makes a candidate of the service's previous form, if it has one.
func (b *builder) keep(previous Group, id string) {
	at, found := slices.BinarySearchFunc(previous.Services, id, func(s Service, id string) int { return cmp.Compare(s.ID, id) })
	if found {
		b.candidates = append(b.candidates, candidate{group: previous.Name, service: previous.Services[at], kept: true})
	}
}

// placeServices gives each group its services. The first of two candidates with one key stays.
func (b *builder) placeServices(groups []Group) {
	slices.SortStableFunc(b.candidates, func(a, c candidate) int {
		return cmp.Or(compareBool(a.kept, c.kept), cmp.Compare(a.group, c.group), cmp.Compare(a.service.ID, c.service.ID))
	})
	placed := map[string][]Service{}
	taken := map[ipvs.ServiceKey]string{}
	for _, candidate := range b.candidates {
		key, id := candidate.service.Service.Key, candidate.service.ID
		if other, exists := taken[key]; exists {
			b.problem(v1alpha1.ProblemInvalid, candidate.group, id, key.String()+" belongs to "+other+"; change one of the two")
			continue
		}
		taken[key] = id
		placed[candidate.group] = append(placed[candidate.group], candidate.service)
	}
	for i := range groups {
		groups[i].Services = placed[groups[i].Name]
		slices.SortFunc(groups[i].Services, func(a, c Service) int { return cmp.Compare(a.ID, c.ID) })
	}
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}
