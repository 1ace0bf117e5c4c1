// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// setKey names the RealServerSlices of one pool for one director group.
type setKey struct {
	group string
	pool  v1alpha1.PoolReference
}

// set is such slices, sorted by name, and the candidates that they serve.
type set struct {
	slices []*v1alpha1.RealServerSlice
	users  []candidateID
}

// serviceSlice is what is known of a ServiceSlice.
type serviceSlice struct {
	group      string
	generation int64
	ids        []string
}

// SetServiceSlice tells a ServiceSlice's newest form; nil: it is gone. The slice is kept, and must not change.
func (s *Store) SetServiceSlice(name string, slice *v1alpha1.ServiceSlice) {
	before := s.slices[name]
	if slice == nil {
		s.leaveSlice(name, before, nil)
		if before != nil {
			delete(s.slices, name)
			delete(s.applied[before.group], name)
		}
		return
	}
	now := &serviceSlice{group: slice.Spec.DirectorGroup, generation: slice.Generation}
	kept := make(map[string]bool, len(slice.Spec.Services))
	for i := range slice.Spec.Services {
		compiled := &slice.Spec.Services[i]
		now.ids = append(now.ids, compiled.ID)
		kept[compiled.ID] = true
		id := candidateID{now.group, compiled.ID}
		s.candidate(id).source(name, compiled)
		s.dirty[id] = struct{}{}
	}
	if before != nil && before.group != now.group {
		kept = nil
	}
	s.leaveSlice(name, before, kept)
	s.slices[name] = now
	if len(now.ids) == 0 {
		s.markApplied(name)
	}
}

// leaveSlice takes the slice away from the candidates that it no longer holds.
func (s *Store) leaveSlice(name string, before *serviceSlice, kept map[string]bool) {
	if before == nil {
		return
	}
	for _, service := range before.ids {
		if kept[service] {
			continue
		}
		id := candidateID{before.group, service}
		if c, known := s.candidates[id]; known {
			c.source(name, nil)
			s.dirty[id] = struct{}{}
		}
	}
}

// SetRealServerSlice tells a RealServerSlice's newest form; nil: it is gone. The slice is kept, and must not change.
func (s *Store) SetRealServerSlice(name string, slice *v1alpha1.RealServerSlice) {
	before, known := s.realServers[name]
	if slice == nil {
		if known {
			s.changeSet(before, name, nil)
			delete(s.realServers, name)
		}
		return
	}
	key := setKey{slice.Spec.DirectorGroup, slice.Spec.Pool}
	if known && before != key {
		s.changeSet(before, name, nil)
	}
	s.changeSet(key, name, slice)
	s.realServers[name] = key
}

// changeSet puts a slice into its set, or takes it out.
func (s *Store) changeSet(key setKey, name string, slice *v1alpha1.RealServerSlice) {
	of := s.set(key)
	at, found := slices.BinarySearchFunc(of.slices, name, func(a *v1alpha1.RealServerSlice, name string) int { return cmp.Compare(a.Name, name) })
	switch {
	case slice == nil && found:
		of.slices = slices.Delete(of.slices, at, at+1)
		delete(s.applied[key.group], name)
	case slice == nil:
	case found:
		of.slices[at] = slice
	default:
		of.slices = slices.Insert(of.slices, at, slice)
	}
	for _, id := range of.users {
		s.dirty[id] = struct{}{}
	}
	s.forgetEmptySet(key, of)
}

func (s *Store) set(key setKey) *set {
	of, known := s.sets[key]
	if !known {
		of = &set{}
		s.sets[key] = of
	}
	return of
}

func (s *Store) forgetEmptySet(key setKey, of *set) {
	if len(of.slices) == 0 && len(of.users) == 0 {
		delete(s.sets, key)
	}
}

// use makes a candidate a user of a set, and of no other one.
func (s *Store) use(c *candidate, key setKey) *set {
	if c.uses == key {
		return s.set(key)
	}
	s.leaveSet(c)
	of := s.set(key)
	of.users = append(of.users, c.candidateID)
	c.uses = key
	return of
}

// leaveSet ends the use. Slices that nobody uses any more are not part of the desired state.
func (s *Store) leaveSet(c *candidate) {
	if c.uses == (setKey{}) {
		return
	}
	of := s.set(c.uses)
	of.users = slices.DeleteFunc(of.users, func(id candidateID) bool { return id == c.candidateID })
	if len(of.users) == 0 {
		for _, slice := range of.slices {
			delete(s.applied[c.uses.group], slice.Name)
		}
	}
	s.forgetEmptySet(c.uses, of)
	c.uses = setKey{}
}

// complete is an error as long as the set is not the one that a compiled service names.
func (of *set) complete(pool v1alpha1.PoolSet) error {
	names := make([]string, len(of.slices))
	for i, slice := range of.slices {
		names[i] = slice.Name
	}
	hash := v1alpha1.SetHash(names)
	if len(of.slices) == int(pool.Slices) && hash == pool.Hash {
		return nil
	}
	return fmt.Errorf("waiting for the RealServerSlices of pool %s/%s: want %d with hash %s, have %d with hash %s; "+
		"if this stays, see whether the controller runs", pool.Namespace, pool.Name, pool.Slices, pool.Hash, len(of.slices), hash)
}

// markApplied notes that a ServiceSlice went in, unless one of its services waits.
func (s *Store) markApplied(name string) {
	slice, known := s.slices[name]
	if !known || !s.node.has(slice.group) {
		return
	}
	for _, service := range slice.ids {
		if c := s.candidates[candidateID{slice.group, service}]; c != nil && c.waiting {
			return
		}
	}
	s.apply(slice.group, name, slice.generation)
}

func (s *Store) apply(group, slice string, generation int64) {
	if s.applied[group] == nil {
		s.applied[group] = map[string]int64{}
	}
	s.applied[group][slice] = generation
}
