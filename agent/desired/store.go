// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// Store makes of slices what a node has to do, piece by piece: a slice that changes leads to work for its own services. What
// is told takes effect with Commit. A value that cannot be used is a problem and stops nothing else:
//
//   - a virtual router whose password is missing or too long, or that is otherwise invalid, keeps its previous form, previous
//     password included, and is left out if it has none;
//   - a service that waits for RealServerSlices, or that is invalid, keeps its previous form, and is left out if it has none;
//   - an invalid real server is left out of its service;
//   - of two services with one key, and of two virtual routers with one id on one interface, the first by group and name stays,
//     and one in its new form goes before one in its previous form.
//
// The order in which slices are told does not matter.
type Store struct {
	node  Node
	nodes []v1alpha1.Problem // of the node itself

	sets map[setKey]*set
	// realServers are all RealServerSlices, by name, so that one that changes its set leaves the old one.
	realServers map[string]setKey
	// slices are the ids of each ServiceSlice's services, by the slice's name.
	slices     map[string]*serviceSlice
	candidates map[candidateID]*candidate
	// claims are the candidates for one key, the one that has it first.
	claims map[ipvs.ServiceKey][]*candidate
	placed map[ipvs.ServiceKey]*Service
	// concerning are those of placed that concern the node.
	concerning map[ipvs.ServiceKey]*Service

	dirty      map[candidateID]struct{}
	dirtyKeys  map[ipvs.ServiceKey]struct{}
	nodeDirty  bool
	troubled   map[candidateID]struct{}
	conflicted map[ipvs.ServiceKey]struct{}
	applied    map[string]map[string]int64
	// restored says that services of an earlier agent are in it that no slice has named yet.
	restored bool
}

// Change is one service that is not what it was. Before or After is nil where it was or is not.
type Change struct {
	Key           ipvs.ServiceKey
	Before, After *Service
}

// Changes is what a Commit changed.
type Changes struct {
	// Services are sorted by key.
	Services []Change
	// Node says that the node has something else to do beside its IPVS services: Node, Marked, Forwarding or FTP.
	Node bool
}

// NewStore is the Store of a node with no part.
func NewStore() *Store {
	return &Store{
		sets: map[setKey]*set{}, realServers: map[string]setKey{}, slices: map[string]*serviceSlice{},
		candidates: map[candidateID]*candidate{}, claims: map[ipvs.ServiceKey][]*candidate{},
		placed: map[ipvs.ServiceKey]*Service{}, concerning: map[ipvs.ServiceKey]*Service{},
		dirty: map[candidateID]struct{}{}, dirtyKeys: map[ipvs.ServiceKey]struct{}{},
		troubled: map[candidateID]struct{}{}, conflicted: map[ipvs.ServiceKey]struct{}{}, applied: map[string]map[string]int64{},
	}
}

// Restore begins with what an earlier agent on this node did. It stays in force until SetNode: from then on a service that no
// slice names goes.
func (s *Store) Restore(node Node, services []*Service) {
	s.node, s.nodeDirty, s.restored = node, true, true
	for _, service := range services {
		c := s.candidate(candidateID{service.Group, service.ID})
		c.kept = true
		s.claim(c, service)
	}
}

// SetNode tells the node's part and the passwords that its virtual routers name; nil: the node has no part.
func (s *Store) SetNode(node *v1alpha1.NodeState, passwords Passwords) {
	built, problems := buildNode(node, passwords, s.node)
	regrouped := s.node.regrouped(built)
	s.nodeDirty = s.nodeDirty || !s.node.Equal(built)
	s.node, s.nodes = built, problems
	for _, name := range regrouped {
		s.dirtyGroup(name)
	}
	if s.restored {
		s.restored = false
		for id, c := range s.candidates {
			if len(c.sources) == 0 {
				s.dirty[id] = struct{}{}
			}
		}
	}
}

// dirtyGroup makes every service of a group be built again. A slice without services goes in with its group.
func (s *Store) dirtyGroup(name string) {
	if !s.node.has(name) {
		delete(s.applied, name)
	}
	for id := range s.candidates {
		if id.group == name {
			s.dirty[id] = struct{}{}
		}
	}
	for slice, known := range s.slices {
		if known.group == name && len(known.ids) == 0 {
			s.markApplied(slice)
		}
	}
}

// Commit makes what was told the desired state, and returns what that changed.
func (s *Store) Commit() Changes {
	touched := map[string]struct{}{}
	for id := range s.dirty {
		s.rebuild(s.candidates[id], touched)
	}
	// New maps: one that was cleared keeps, and goes through, the room of the largest change.
	s.dirty = map[candidateID]struct{}{}
	for name := range touched {
		s.markApplied(name)
	}
	changes := Changes{Node: s.nodeDirty}
	for key := range s.dirtyKeys {
		if change, changed := s.place(key); changed {
			changes.Services = append(changes.Services, change)
			changes.Node = changes.Node || change.Before.concernsNode() || change.After.concernsNode()
		}
	}
	s.dirtyKeys = map[ipvs.ServiceKey]struct{}{}
	s.nodeDirty = false
	slices.SortFunc(changes.Services, func(a, b Change) int { return a.Key.Compare(b.Key) })
	return changes
}

// Node is the node's part beside its services.
func (s *Store) Node() Node { return s.node }

// Len is the number of services.
func (s *Store) Len() int { return len(s.placed) }

// Service is the service with a key; nil: there is none.
func (s *Store) Service(key ipvs.ServiceKey) *Service { return s.placed[key] }

// Applied is, a slice's name, the metadata.generation that is in the desired state of a group. A ServiceSlice of which a
// service waits for RealServerSlices has the generation that went in before, if any. A RealServerSlice that no service uses
// is not in it. The caller gets a copy.
func (s *Store) Applied(group string) map[string]int64 { return maps.Clone(s.applied[group]) }

// Forwarding are the families of services with a real server behind LVS/NAT, healthy or not; sorted.
func (s *Store) Forwarding() []ipvs.Family {
	var families []ipvs.Family
	for key, service := range s.concerning {
		if service.Forwards() && !slices.Contains(families, key.Family()) {
			families = append(families, key.Family())
		}
	}
	slices.Sort(families)
	return families
}

// CheckedVia are the services whose real servers are checked by way of the virtual IP, in no order.
func (s *Store) CheckedVia() []*Service {
	var list []*Service
	for _, service := range s.concerning {
		if service.Check.goesVia() {
			list = append(list, service)
		}
	}
	return list
}

// Marked are the services by firewall mark, by key.
func (s *Store) Marked() []*Service {
	var list []*Service
	for _, service := range s.concerning {
		if len(service.Marks) > 0 {
			list = append(list, service)
		}
	}
	slices.SortFunc(list, func(a, b *Service) int { return a.Service.Key.Compare(b.Service.Key) })
	return list
}

// FTP are the services that need the application helper ip_vs_ftp, by group and id.
func (s *Store) FTP() []*Service {
	var list []*Service
	for _, service := range s.concerning {
		if service.FTP {
			list = append(list, service)
		}
	}
	slices.SortFunc(list, func(a, b *Service) int { return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.ID, b.ID)) })
	return list
}

// Problems are what cannot be used, sorted.
func (s *Store) Problems() []v1alpha1.Problem {
	problems := slices.Clone(s.nodes)
	for id := range s.troubled {
		problems = append(problems, s.candidates[id].problems...)
	}
	for key := range s.conflicted {
		problems = append(problems, s.conflicts(key)...)
	}
	slices.SortFunc(problems, compareProblems)
	return problems
}

func compareProblems(a, b v1alpha1.Problem) int {
	return cmp.Or(
		cmp.Compare(a.DirectorGroup, b.DirectorGroup),
		cmp.Compare(a.Service, b.Service),
		cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(a.Message, b.Message),
	)
}
