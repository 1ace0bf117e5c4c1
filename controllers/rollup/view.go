// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"maps"
	"math"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/compile"
)

// View is one director group as it was compiled and stored. It is immutable.
type View struct {
	// Group is what compile found of the group.
	Group compile.Verdict
	// Directors are the names of the selected nodes, sorted.
	Directors []string
	// VirtualRouterIDs are the group's, in the order of its virtual routers.
	VirtualRouterIDs []int32
	// Services is what each virtual service of the group needs.
	Services map[types.NamespacedName]Needs

	entries map[string]entry // by the compiled service's id
}

// Needs is what has to be true on every director before a virtual service is programmed.
type Needs struct {
	// Verdict is what compile found of the service.
	compile.Verdict
	// Slices are the generations, by a slice's name, that carry the service and its real servers.
	Slices map[string]int64
	// RealServers is the number of the pool's real servers.
	RealServers int32
}

// NewView joins a compilation with the generations that its slices have at the API server, by name. A service whose
// slices have no generation needs one that no director reports, and so is not programmed.
//
// previous is the group's view before, or the zero View. A compiled service that stands unchanged where it stood needs
// the generation that it needed then: what comes and goes beside it in the slice is none of its business.
func NewView(previous View, result compile.Result, generations map[string]int64) View {
	pools := poolNeeds(result.RealServerSlices, generations)
	view := View{
		Group:            result.Group,
		Directors:        result.Directors,
		VirtualRouterIDs: result.VirtualRouterIDs,
		Services:         make(map[types.NamespacedName]Needs, len(result.Services)),
		entries:          map[string]entry{},
	}
	for _, slice := range result.ServiceSlices {
		for _, service := range slice.Spec.Services {
			e := entry{service: service, slice: slice.Name, generation: generationOf(slice.Name, generations)}
			e = e.since(previous.entries[service.ID])
			view.entries[service.ID] = e
			key := serviceOf(service.ID)
			needs, known := view.Services[key]
			if !known {
				pool := pools[v1alpha1.PoolReference{Namespace: service.Pool.Namespace, Name: service.Pool.Name}]
				needs = Needs{Verdict: result.Services[key], Slices: clone(pool.slices), RealServers: pool.realServers}
			}
			needs.Slices[slice.Name] = max(needs.Slices[slice.Name], e.generation)
			view.Services[key] = needs
		}
	}
	// What has no compiled port: refused services.
	for key, verdict := range result.Services {
		if _, known := view.Services[key]; !known {
			view.Services[key] = Needs{Verdict: verdict}
		}
	}
	return view
}

// Compiled is the number of compiled services: one a port.
func (v View) Compiled() int { return len(v.entries) }

// entry is one compiled service, and the generation of its slice since which it stands there as it is.
type entry struct {
	service    v1alpha1.CompiledService
	slice      string
	generation int64
}

func (e entry) since(before entry) entry {
	if e.slice == before.slice && equality.Semantic.DeepEqual(e.service, before.service) {
		e.generation = min(e.generation, before.generation)
	}
	return e
}

// pooled is what one pool adds to the needs of each service that uses it.
type pooled struct {
	slices      map[string]int64
	realServers int32
}

func poolNeeds(slices []v1alpha1.RealServerSlice, generations map[string]int64) map[v1alpha1.PoolReference]pooled {
	pools := map[v1alpha1.PoolReference]pooled{}
	for _, slice := range slices {
		pool := pools[slice.Spec.Pool]
		if pool.slices == nil {
			pool.slices = map[string]int64{}
		}
		pool.slices[slice.Name] = generationOf(slice.Name, generations)
		pool.realServers += int32(len(slice.Spec.RealServers)) // at most 100
		pools[slice.Spec.Pool] = pool
	}
	return pools
}

func generationOf(slice string, generations map[string]int64) int64 {
	if generation, stored := generations[slice]; stored {
		return generation
	}
	return math.MaxInt64
}

// serviceOf reads the virtual service's name from the id that [compile.ServiceID] wrote.
func serviceOf(id string) types.NamespacedName {
	namespace, rest, _ := strings.Cut(id, "/")
	name, _, _ := strings.Cut(rest, "/")
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// clone returns a map that can be written to, for an empty pool too.
func clone(slices map[string]int64) map[string]int64 {
	if slices == nil {
		return map[string]int64{}
	}
	return maps.Clone(slices)
}
