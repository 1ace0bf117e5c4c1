// SPDX-License-Identifier: Apache-2.0

package desired_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

const histories = 3000

// The universe is small, so that what is told meets what was told before: two groups with two pools each.
var (
	groups        = []string{"core", "edge"}
	pools         = []string{"api", "tomcat"}
	serviceSlices = map[string][]string{"core": {"core-services-0"}, "edge": {"edge-services-0", "edge-services-1"}}
	serviceIDs    = []string{"web/api/http", "web/proxy/mark", "web/tomcat/http", "web/tomcat/https"}
)

// realServerSlices are the names of those of a group; any of them can be of any pool.
func realServerSlices(group string) []string {
	return []string{group + "-0", group + "-1", group + "-2", group + "-3"}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// some is each of the list with the probability one half, in the list's order.
func some[T any](r *rand.Rand, list ...T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(T) bool { return r.IntN(2) == 0 })
}

// randomWorld is one in which all that can keep a previous form is valid and complete. Two services may want one key, and a
// real server may be invalid: neither depends on what was before.
func randomWorld(r *rand.Rand) world {
	in := world{Passwords: desired.Passwords{"edge-vrrp": pick(r, password, "fresh")}}
	var parts []v1alpha1.NodeDirectorGroup
	for _, group := range some(r, groups...) {
		parts = append(parts, randomPart(r, group))
	}
	if len(parts) > 0 || r.IntN(2) == 0 {
		in.Node = &v1alpha1.NodeState{Spec: v1alpha1.NodeStateSpec{DirectorGroups: parts}}
	}
	for _, group := range groups {
		names := map[string][]string{}
		for _, name := range some(r, realServerSlices(group)...) {
			pool := pick(r, pools...)
			in.RealServerSlices = append(in.RealServerSlices, randomRealServers(r, group, pool, name))
			names[pool] = append(names[pool], name)
		}
		sets := map[string]v1alpha1.PoolSet{}
		for _, pool := range pools {
			sets[pool] = v1alpha1.PoolSet{Namespace: "web", Name: pool, Slices: int32(len(names[pool])), Hash: v1alpha1.SetHash(names[pool])}
		}
		for _, name := range some(r, serviceSlices[group]...) {
			slice := serviceSlice(name, 1+r.Int64N(9))
			slice.Spec.DirectorGroup = group
			for _, id := range some(r, serviceIDs...) { // the same one in two slices, now and then: it moves
				slice.Spec.Services = append(slice.Spec.Services, randomCompiled(r, id, sets[pick(r, pools...)]))
			}
			in.ServiceSlices = append(in.ServiceSlices, slice)
		}
	}
	return in
}

func randomPart(r *rand.Rand, group string) v1alpha1.NodeDirectorGroup {
	part := v1alpha1.NodeDirectorGroup{
		Name: group, AddressPools: []v1alpha1.CIDR{"192.0.2.0/24", "2001:db8::/64"}, MarkRanges: []v1alpha1.MarkRange{{First: 100, Last: 199}},
	}
	if r.IntN(2) == 0 {
		part.AddressPools = append(part.AddressPools, "198.51.100.0/24")
	}
	vrid := map[string]int32{"core": 65, "edge": 66}[group]
	part.VirtualRouters = some(r, router(vrid, "192.0.2.10"), router(pick[int32](r, 67, 68), "192.0.2.11", "2001:db8::10"))
	if r.IntN(2) == 0 {
		part.IPVS = &v1alpha1.CompiledIPVSSettings{TCPTimeoutSeconds: pick[int32](r, 60, 900)}
	}
	return part
}

func randomRealServers(r *rand.Rand, group, pool, name string) v1alpha1.RealServerSlice {
	slice := realServerSlice(name, 1+r.Int64N(9))
	slice.Spec.DirectorGroup, slice.Spec.Pool.Name = group, pool
	for _, address := range some[v1alpha1.IPAddress](r, "192.0.2.111", "192.0.2.115", "192.0.2.116") {
		slice.Spec.RealServers = append(slice.Spec.RealServers, v1alpha1.CompiledRealServer{
			Address: address, Weight: pick[int32](r, 0, 1, 1, 3, 3, -1), ForwardingMethod: pick(r, "", v1alpha1.NAT),
		})
	}
	slice.Spec.HealthCheck.Interval = metav1.Duration{Duration: pick(r, time.Second, 2*time.Second)}
	if r.IntN(3) == 0 {
		slice.Spec.HealthCheck = nil
	}
	return slice
}

func randomCompiled(r *rand.Rand, id string, set v1alpha1.PoolSet) v1alpha1.CompiledService {
	service := v1alpha1.CompiledService{
		ID: id, Generation: 1, Family: v1alpha1.FamilyIPv4, Scheduler: pick[v1alpha1.Scheduler](r, "wrr", "sh"),
		ForwardingMethod: pick(r, v1alpha1.DirectRouting, v1alpha1.Tunnel), DrainSeconds: pick[int32](r, 0, 300), Pool: set,
	}
	if id == "web/proxy/mark" {
		service.Mark = pick[int64](r, 100, 101)
		service.Match = []v1alpha1.CompiledMatch{{Addresses: []v1alpha1.CIDR{pick[v1alpha1.CIDR](r, "0.0.0.0/0", "198.51.100.0/24")}}}
		return service
	}
	service.Address, service.Port, service.Protocol = pick[v1alpha1.IPAddress](r, "192.0.2.10", "192.0.2.11"), pick[int32](r, 80, 443), "TCP"
	if r.IntN(4) == 0 {
		service.ApplicationHelper = v1alpha1.HelperFTP
	}
	return service
}

// spoil makes some of a world invalid or incomplete, as it may be for a while.
func (w *world) spoil(r *rand.Rand) {
	w.RealServerSlices = slices.DeleteFunc(w.RealServerSlices, func(v1alpha1.RealServerSlice) bool { return r.IntN(4) == 0 })
	for i := range w.RealServerSlices {
		if check := w.RealServerSlices[i].Spec.HealthCheck; check != nil && r.IntN(4) == 0 {
			check.Timeout.Duration = 0
		}
	}
	for _, slice := range w.ServiceSlices {
		for i := range slice.Spec.Services {
			if r.IntN(4) == 0 {
				slice.Spec.Services[i].Scheduler = ""
			}
			if r.IntN(4) == 0 {
				slice.Spec.Services[i].Address = "203.0.113.1"
			}
		}
	}
	if w.Node != nil {
		for i := range w.Node.Spec.DirectorGroups {
			if r.IntN(4) == 0 {
				w.Node.Spec.DirectorGroups[i].AddressPools = nil
			}
		}
	}
	if r.IntN(4) == 0 {
		w.Passwords = nil
	}
}

// follower keeps a table by the changes of a Store's Commits.
type follower struct {
	*desired.Store
	t     *testing.T
	table map[ipvs.ServiceKey]*desired.Service
}

func (f *follower) commit() {
	f.t.Helper()
	for _, change := range f.Commit().Services {
		if f.table[change.Key] != change.Before {
			f.t.Errorf("%s: before the change it was %p, the change says %p", change.Key, f.table[change.Key], change.Before)
		}
		if change.After == nil {
			delete(f.table, change.Key)
		} else {
			f.table[change.Key] = change.After
		}
	}
	services := map[ipvs.ServiceKey]*desired.Service{}
	for _, service := range f.Services() {
		services[service.Service.Key] = service
		if f.Service(service.Service.Key) != service {
			f.t.Errorf("%s is not found by its key", service.Service.Key)
		}
	}
	if !maps.Equal(services, f.table) || f.Len() != len(services) {
		f.t.Errorf("the changes lead to %v, the services are %v", f.table, services)
	}
}

// events are what it takes to tell the whole world, in a random order, some of it twice: for each slice of the universe its
// form, or that there is none.
func (f *follower) events(r *rand.Rand, w world) []func() {
	node := func() { f.SetNode(w.Node, w.Passwords) }
	events := []func(){node}
	services, realServers := map[string]*v1alpha1.ServiceSlice{}, map[string]*v1alpha1.RealServerSlice{}
	for i := range w.ServiceSlices {
		services[w.ServiceSlices[i].Name] = &w.ServiceSlices[i]
	}
	for i := range w.RealServerSlices {
		realServers[w.RealServerSlices[i].Name] = &w.RealServerSlices[i]
	}
	for _, group := range groups {
		for _, name := range serviceSlices[group] {
			events = append(events, func() { f.SetServiceSlice(name, services[name]) })
		}
		for _, name := range realServerSlices(group) {
			events = append(events, func() { f.SetRealServerSlice(name, realServers[name]) })
		}
	}
	events = append(events, some(r, events...)...)
	r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events
}

// told is all that a Store says, in a form that can be compared.
func told(store *desired.Store, w world) (*state, string) {
	rest := fmt.Sprintf("problems %+v\nforwarding %v\nftp ", store.Problems(), store.Forwarding())
	for _, service := range store.FTP() {
		rest += service.Group + "/" + service.ID + " "
	}
	for _, group := range groups {
		rest += fmt.Sprintf("\napplied %s %v", group, store.Applied(group))
	}
	return look(store, w), rest
}

func TestEveryHistoryWithOneEndGivesOneState(t *testing.T) {
	for seed := range uint64(histories) {
		r := rand.New(rand.NewPCG(seed, 0))
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f := &follower{desired.NewStore(), t, map[ipvs.ServiceKey]*desired.Service{}}
			for range r.IntN(4) {
				passing := randomWorld(pick(r, r, rand.New(rand.NewPCG(seed, 1)))) // any other, or the one at the end
				passing.spoil(r)
				f.tell(r, some(r, f.events(r, passing)...))
			}
			end := randomWorld(rand.New(rand.NewPCG(seed, 1)))
			f.tell(r, f.events(r, end))
			f.commit()

			fresh := desired.NewStore()
			end.tell(fresh, world{})
			got, gotRest := told(f.Store, end)
			want, wantRest := told(fresh, end)
			if !got.Equal(want) || !slices.EqualFunc(f.Marked(), fresh.Marked(), (*desired.Service).Equal) {
				t.Errorf("%+v\n%s\nof a new Store %+v\n%s", got.Node, got.table(everyoneHealthy), want.Node, want.table(everyoneHealthy))
			}
			if diff := cmp.Diff(wantRest, gotRest); diff != "" {
				t.Error(diff)
			}
			if changes := f.Commit(); changes.Node || len(changes.Services) > 0 {
				t.Errorf("nothing was told, and it changed %+v", changes)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// tell lets the events happen, with a Commit now and then.
func (f *follower) tell(r *rand.Rand, events []func()) {
	f.t.Helper()
	for _, event := range events {
		event()
		if r.IntN(4) == 0 {
			f.commit()
		}
	}
}

func TestAServiceThatNoLongerWaitsGetsItsAddressBackUnchanged(t *testing.T) {
	in := edge()
	heir := webService()
	heir.ID = "web/zebra/http"
	in.ServiceSlices = append(in.ServiceSlices, serviceSlice("edge-services-1", 1, heir))
	store := desired.NewStore()
	before, _ := in.tell(store, world{})

	waiting := in
	waiting.ServiceSlices = slices.Clone(in.ServiceSlices)
	waits := webService()
	waits.Pool = poolSet("not-here")
	waiting.ServiceSlices[0] = serviceSlice("edge-services", 4, waits)
	if state, _ := waiting.tell(store, in); len(state.Services) != 1 || state.Services[0].ID != heir.ID {
		t.Errorf("services %+v, want that of %s", state.Services, heir.ID)
	}
	if after, _ := in.tell(store, waiting); !after.Equal(before) {
		t.Errorf("services %+v, want %+v", after.Services, before.Services)
	}
}
