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

// set is such slices, sorted by name, with their hash.
type set struct {
	slices []*v1alpha1.RealServerSlice
	hash   string
}

// collectSets sorts the slices into sets.
func collectSets(list []v1alpha1.RealServerSlice) map[setKey]set {
	sets := map[setKey]set{}
	for i := range list {
		key := setKey{list[i].Spec.DirectorGroup, list[i].Spec.Pool}
		s := sets[key]
		s.slices = append(s.slices, &list[i])
		sets[key] = s
	}
	for key, s := range sets {
		slices.SortFunc(s.slices, func(a, b *v1alpha1.RealServerSlice) int { return cmp.Compare(a.Name, b.Name) })
		names := make([]string, len(s.slices))
		for i, slice := range s.slices {
			names[i] = slice.Name
		}
		s.hash = v1alpha1.SetHash(names)
		sets[key] = s
	}
	return sets
}

// complete is the set that a compiled service names, and an error as long as another one is here.
func (b *builder) complete(group string, pool v1alpha1.PoolSet) (set, error) {
	key := setKey{group, v1alpha1.PoolReference{Namespace: pool.Namespace, Name: pool.Name}}
	s, ok := b.sets[key]
	if !ok {
		s.hash = v1alpha1.SetHash(nil)
	}
	if len(s.slices) == int(pool.Slices) && s.hash == pool.Hash {
		return s, nil
	}
	return set{}, fmt.Errorf("waiting for the RealServerSlices of pool %s/%s: want %d with hash %s, have %d with hash %s; "+
		"if this stays, see whether the controller runs", pool.Namespace, pool.Name, pool.Slices, pool.Hash, len(s.slices), s.hash)
}
