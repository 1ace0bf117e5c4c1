// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// candidateID is the identity of a compiled service.
type candidateID struct{ group, id string }

// candidate is a compiled service, in force unless another one has its key.
type candidate struct {
	candidateID
	// sources are the slices that hold it, sorted by name. A service that moves may be in two for a moment: the first
	// decides.
	sources []source
	// uses is the set of its real servers.
	uses setKey
	// service is its newest form that can be used; nil: none.
	service *Service
	// kept says that this is an earlier form than its source's.
	kept bool
	// waiting says that RealServerSlices are missing.
	waiting  bool
	problems []v1alpha1.Problem
}

// source is a compiled service in a slice.
type source struct {
	slice    string
	compiled *v1alpha1.CompiledService
}

// source notes the candidate's form in a slice; nil: the slice has it no more.
func (c *candidate) source(slice string, compiled *v1alpha1.CompiledService) {
	at, found := slices.BinarySearchFunc(c.sources, slice, func(s source, name string) int { return cmp.Compare(s.slice, name) })
	switch {
	case compiled == nil && found:
		c.sources = slices.Delete(c.sources, at, at+1)
	case compiled == nil:
	case found:
		c.sources[at].compiled = compiled
	default:
		c.sources = slices.Insert(c.sources, at, source{slice, compiled})
	}
}

func (s *Store) candidate(id candidateID) *candidate {
	c, known := s.candidates[id]
	if !known {
		c = &candidate{candidateID: id}
		s.candidates[id] = c
	}
	return c
}

// rebuild makes the candidate's service anew, and adds to touched the slices that may have gone in by that.
func (s *Store) rebuild(c *candidate, touched map[string]struct{}) {
	for _, source := range c.sources {
		touched[source.slice] = struct{}{}
	}
	c.problems, c.waiting = nil, false
	delete(s.troubled, c.candidateID)
	group, ours := s.node.group(c.group)
	if len(c.sources) == 0 || !ours {
		s.leaveSet(c)
		s.claim(c, nil)
		if len(c.sources) == 0 {
			delete(s.candidates, c.candidateID)
		}
		return
	}
	compiled := c.sources[0].compiled
	key := setKey{c.group, v1alpha1.PoolReference{Namespace: compiled.Pool.Namespace, Name: compiled.Pool.Name}}
	of := s.use(c, key)
	if err := of.complete(compiled.Pool); err != nil {
		c.waiting = true
		s.keep(c, true)
		s.trouble(c, v1alpha1.ProblemSlicesMissing, err.Error())
		return
	}
	for _, slice := range of.slices {
		s.apply(c.group, slice.Name, slice.Generation)
	}
	built, refused, err := buildService(group, compiled, of.slices)
	for _, problem := range refused {
		s.trouble(c, v1alpha1.ProblemInvalid, problem)
	}
	if err != nil {
		s.keep(c, true)
		s.trouble(c, v1alpha1.ProblemInvalid, err.Error())
		return
	}
	s.keep(c, false)
	if c.service == nil || !c.service.Equal(built) {
		s.claim(c, built)
	}
}

// keep says whether the candidate's service is an earlier form, which gives way to a new one with its key.
func (s *Store) keep(c *candidate, kept bool) {
	if c.kept != kept && c.service != nil {
		s.dirtyKeys[c.service.Service.Key] = struct{}{}
	}
	c.kept = kept
}

func (s *Store) trouble(c *candidate, reason, message string) {
	c.problems = append(c.problems, v1alpha1.Problem{Reason: reason, DirectorGroup: c.group, Service: c.id, Message: message})
	s.troubled[c.candidateID] = struct{}{}
}

// claim makes service the candidate's, and the candidate one for the service's key; nil: for none.
func (s *Store) claim(c *candidate, service *Service) {
	if c.service != nil {
		key := c.service.Service.Key
		s.claims[key] = slices.DeleteFunc(s.claims[key], func(other *candidate) bool { return other == c })
		if len(s.claims[key]) == 0 {
			delete(s.claims, key)
		}
		s.dirtyKeys[key] = struct{}{}
	}
	c.service = service
	if service != nil {
		key := service.Service.Key
		s.claims[key] = append(s.claims[key], c)
		s.dirtyKeys[key] = struct{}{}
	}
}

// place gives a key to the first of its candidates.
func (s *Store) place(key ipvs.ServiceKey) (Change, bool) {
	claims := s.claims[key]
	slices.SortFunc(claims, func(a, b *candidate) int {
		return cmp.Or(compareBool(a.kept, b.kept), cmp.Compare(a.group, b.group), cmp.Compare(a.id, b.id))
	})
	delete(s.conflicted, key)
	if len(claims) > 1 {
		s.conflicted[key] = struct{}{}
	}
	change := Change{Key: key, Before: s.placed[key]}
	if len(claims) > 0 {
		change.After = claims[0].service
	}
	if change.Before == change.After {
		return Change{}, false
	}
	delete(s.placed, key)
	delete(s.concerning, key)
	if change.After != nil {
		s.placed[key] = change.After
	}
	if change.After.concernsNode() {
		s.concerning[key] = change.After
	}
	return change, true
}

// conflicts are the problems of the candidates that do not have the key that they want.
func (s *Store) conflicts(key ipvs.ServiceKey) []v1alpha1.Problem {
	claims := s.claims[key]
	problems := make([]v1alpha1.Problem, 0, len(claims))
	for _, c := range claims[1:] {
		problems = append(problems, v1alpha1.Problem{
			Reason: v1alpha1.ProblemInvalid, DirectorGroup: c.group, Service: c.id,
			Message: key.String() + " belongs to " + claims[0].id + "; change one of the two",
		})
	}
	return problems
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
