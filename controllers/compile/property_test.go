// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// crowd is a snapshot with conflicts, pools of many members, services over several slices and addresses over several virtual routers.
func crowd(random *rand.Rand) Snapshot {
	s := Snapshot{Group: "edge", Namespaces: map[string]map[string]string{"web": {}}}
	for _, name := range []string{"edge", "other"} {
		s.Groups = append(s.Groups, &v1alpha1.DirectorGroup{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: v1alpha1.DirectorGroupSpec{
				Interface:    "eth0",
				VRRP:         v1alpha1.VRRP{VirtualRouters: 3},
				AddressPools: []v1alpha1.AddressPool{{Name: "all", CIDRs: []v1alpha1.CIDR{"198.51.100.0/24"}, NamespaceSelector: &metav1.LabelSelector{}}},
				MarkPools:    []v1alpha1.MarkPool{{Name: "all", First: 1, Last: 20, CIDRs: []v1alpha1.CIDR{"0.0.0.0/0"}, NamespaceSelector: &metav1.LabelSelector{}}},
			},
		})
	}
	for i := range 20 {
		s.Nodes = append(s.Nodes, Node{Name: fmt.Sprint("node-", i), InternalIPs: []string{memberAddress(i)}})
	}
	for i := range 5 {
		s.Pools = append(s.Pools, poolOf(fmt.Sprint("pool-", i), random.IntN(250)))
	}
	for i := range 300 {
		s.Services = append(s.Services, someService(random, i))
	}
	return s
}

func memberAddress(i int) string { return fmt.Sprintf("10.0.%d.%d", i/256, i%256) }

func poolOf(name string, members int) *v1alpha1.RealServerPool {
	pool := &v1alpha1.RealServerPool{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: name}}
	for i := range members {
		pool.Spec.Members = append(pool.Spec.Members, v1alpha1.Member{Address: v1alpha1.IPAddress(memberAddress(i))})
	}
	return pool
}

func someService(random *rand.Rand, i int) *v1alpha1.VirtualService {
	group := "edge"
	if random.IntN(10) == 0 {
		group = "other"
	}
	service := &v1alpha1.VirtualService{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "web", Name: fmt.Sprint("service-", i), Generation: 1,
			CreationTimestamp: metav1.Unix(int64(random.IntN(5)), 0),
		},
		Spec: v1alpha1.VirtualServiceSpec{
			DirectorGroup:  group,
			Address:        v1alpha1.IPAddress(fmt.Sprint("198.51.100.", random.IntN(256))),
			Ports:          []v1alpha1.ServicePort{{Name: "a", Port: int32(1 + random.IntN(3))}, {Name: "b", Port: 1000}},
			RealServerPool: fmt.Sprint("pool-", random.IntN(6)),
		},
	}
	if random.IntN(10) == 0 {
		service.Spec.FirewallMark = &v1alpha1.FirewallMark{
			Mark:  int64(1 + random.IntN(20)),
			Match: []v1alpha1.Match{{Addresses: []v1alpha1.CIDR{v1alpha1.CIDR(service.Spec.Address + "/32")}}},
		}
		service.Spec.Address, service.Spec.Ports = "", nil
	}
	return service
}

func TestTheOrderOfObjectsChangesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	s := crowd(random)
	want := Compile(s)
	if len(want.ServiceSlices) < 2 || len(want.RealServerSlices) < 5 || len(want.Nodes) == 0 {
		t.Fatalf("the crowd is too small to prove anything: %d and %d slices", len(want.ServiceSlices), len(want.RealServerSlices))
	}
	s = standing(s, want)
	want = Compile(s)
	for range 20 {
		shuffle(random, s.Groups)
		shuffle(random, s.Nodes)
		shuffle(random, s.Services)
		shuffle(random, s.Pools)
		shuffle(random, s.ServiceSlices)
		shuffle(random, s.RealServerSlices)
		shuffle(random, s.NodeStates)
		if diff := cmp.Diff(want, Compile(s)); diff != "" {
			t.Fatalf("the same objects in another order:\n%s", diff)
		}
	}
}

func shuffle[T any](random *rand.Rand, list []T) {
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// standing is the snapshot after its result was written.
func standing(s Snapshot, r Result) Snapshot {
	s.ServiceSlices, s.RealServerSlices, s.NodeStates = nil, nil, nil
	s.Groups = slices.Clone(s.Groups)
	for i, group := range s.Groups {
		if group.Name == s.Group {
			s.Groups[i] = group.DeepCopy()
			s.Groups[i].Status.VirtualRouterIDs, s.Groups[i].Status.Places = r.VirtualRouterIDs, r.Places
		}
	}
	for _, node := range sortedKeys(r.Nodes) {
		spec := MergeNode(v1alpha1.NodeStateSpec{}, []NodePart{r.Nodes[node]}, nil)
		s.NodeStates = append(s.NodeStates, &v1alpha1.NodeState{ObjectMeta: metav1.ObjectMeta{Name: node}, Spec: spec})
	}
	for i := range r.ServiceSlices {
		s.ServiceSlices = append(s.ServiceSlices, &r.ServiceSlices[i])
	}
	for i := range r.RealServerSlices {
		s.RealServerSlices = append(s.RealServerSlices, &r.RealServerSlices[i])
	}
	return s
}

func TestWhatWasCompiledStands(t *testing.T) {
	s := crowd(rand.New(rand.NewPCG(2, 2)))
	first := Compile(s)
	if diff := cmp.Diff(first, Compile(standing(s, first))); diff != "" {
		t.Errorf("compiled again from its own slices:\n%s", diff)
	}
}

func TestNothingMovesWhenOthersComeAndGo(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	s := crowd(random)
	before := Compile(s)
	for step := range 200 {
		s = standing(s, before)
		for range 1 + random.IntN(20) {
			change(random, &s, step)
		}
		after := Compile(s)
		checkSlices(t, after)
		was, is := positions(before), positions(after)
		for key, slice := range is {
			if old, stood := was[key]; stood && old != slice {
				t.Fatalf("step %d: %s moved from %s to %s", step, key, old, slice)
			}
		}
		on := routersOf(before)
		for address, router := range routersOf(after) {
			if old, stood := on[address]; stood && old != router {
				t.Fatalf("step %d: %s moved from virtual router %d to %d", step, address, old, router)
			}
		}
		if !slices.Equal(before.VirtualRouterIDs, after.VirtualRouterIDs) || !slices.Equal(before.Places, after.Places) {
			t.Fatalf("step %d: ids %v and places %v became %v and %v", step, before.VirtualRouterIDs, before.Places, after.VirtualRouterIDs, after.Places)
		}
		before = after
	}
}

// change adds or removes one service or one member.
func change(random *rand.Rand, s *Snapshot, step int) {
	switch random.IntN(4) {
	case 0:
		s.Services = append(s.Services, someService(random, 1000*(step+1)+random.IntN(1000)))
	case 1:
		if len(s.Services) > 0 {
			s.Services = slices.Delete(s.Services, 0, 1)
		}
	case 2:
		pool := s.Pools[random.IntN(len(s.Pools))].DeepCopy()
		if n := len(pool.Spec.Members); n > 0 {
			i := random.IntN(n)
			pool.Spec.Members = slices.Delete(pool.Spec.Members, i, i+1)
		}
		replace(s, pool)
	default:
		pool := s.Pools[random.IntN(len(s.Pools))].DeepCopy()
		address := v1alpha1.IPAddress(memberAddress(random.IntN(1000)))
		known := slices.ContainsFunc(pool.Spec.Members, func(m v1alpha1.Member) bool { return m.Address == address })
		if !known {
			pool.Spec.Members = append(pool.Spec.Members, v1alpha1.Member{Address: address})
		}
		replace(s, pool)
	}
}

func replace(s *Snapshot, pool *v1alpha1.RealServerPool) {
	s.Pools = slices.Clone(s.Pools)
	for i := range s.Pools {
		if s.Pools[i].Name == pool.Name {
			s.Pools[i] = pool
		}
	}
}

// routersOf is which virtual router has each address.
func routersOf(r Result) map[v1alpha1.IPAddress]int32 {
	where := map[v1alpha1.IPAddress]int32{}
	for _, part := range r.Nodes {
		if part.Director != nil {
			for _, router := range part.Director.VirtualRouters {
				for _, address := range router.Addresses {
					where[address] = router.VirtualRouterID
				}
			}
		}
	}
	return where
}

// positions is in which slice each compiled service and real server stands.
func positions(r Result) map[string]string {
	where := map[string]string{}
	for _, slice := range r.ServiceSlices {
		for _, service := range slice.Spec.Services {
			where[service.ID] = slice.Name
		}
	}
	for _, slice := range r.RealServerSlices {
		for _, server := range slice.Spec.RealServers {
			where[slice.Spec.Pool.Name+" "+string(server.Address)] = slice.Name
		}
	}
	return where
}

// checkSlices holds what agents rely on: no slice too full or empty, nothing twice, and each set complete.
func checkSlices(t *testing.T, r Result) {
	t.Helper()
	names := map[v1alpha1.PoolReference][]string{}
	total := 0
	for _, slice := range r.RealServerSlices {
		if n := len(slice.Spec.RealServers); n < 1 || n > v1alpha1.MaxRealServersPerSlice {
			t.Fatalf("%s holds %d real servers", slice.Name, n)
		}
		total += len(slice.Spec.RealServers)
		names[slice.Spec.Pool] = append(names[slice.Spec.Pool], slice.Name)
	}
	for _, slice := range r.ServiceSlices {
		if n := len(slice.Spec.Services); n < 1 || n > v1alpha1.MaxServicesPerSlice {
			t.Fatalf("%s holds %d services", slice.Name, n)
		}
		total += len(slice.Spec.Services)
		for _, service := range slice.Spec.Services {
			set := names[v1alpha1.PoolReference{Namespace: service.Pool.Namespace, Name: service.Pool.Name}]
			if int(service.Pool.Slices) != len(set) || service.Pool.Hash != v1alpha1.SetHash(set) {
				t.Fatalf("%s waits for %d slices with hash %s, and %v were made", service.ID, service.Pool.Slices, service.Pool.Hash, set)
			}
		}
	}
	if distinct := len(positions(r)); distinct != total {
		t.Fatalf("%d entries, %d distinct", total, distinct)
	}
}

func TestTenThousandServicesFillAHundredSlices(t *testing.T) {
	s := crowd(rand.New(rand.NewPCG(4, 4)))
	s.Groups[0].Spec.AddressPools[0].CIDRs = []v1alpha1.CIDR{"10.128.0.0/16"}
	s.Services = nil
	for i := range 10000 {
		service := someService(rand.New(rand.NewPCG(5, uint64(i))), i)
		service.Spec.DirectorGroup, service.Spec.RealServerPool = "edge", "pool-0"
		service.Spec.Address = v1alpha1.IPAddress(fmt.Sprintf("10.128.0.%d", i%200))
		service.Spec.FirewallMark, service.Spec.Ports = nil, []v1alpha1.ServicePort{{Name: "a", Port: int32(1 + i/200)}}
		s.Services = append(s.Services, service)
	}
	s = standing(s, Compile(s))
	start := time.Now()
	result := Compile(s)
	t.Logf("compiled in %s", time.Since(start))
	if len(result.ServiceSlices) != 100 {
		t.Errorf("%d slices for 10,000 services", len(result.ServiceSlices))
	}
}

func TestAGroupHoldsNoMoreAddressesThanANodeStateHasRoomFor(t *testing.T) {
	taken := newClaims()
	edge := &group{DirectorGroup: &v1alpha1.DirectorGroup{ObjectMeta: metav1.ObjectMeta{Name: "edge"}}}
	service := func(port int32, carried ...v1alpha1.IPAddress) offer {
		return offer{carried: carried, VirtualService: &v1alpha1.VirtualService{Spec: v1alpha1.VirtualServiceSpec{
			DirectorGroup: "edge", Address: carried[0], Ports: []v1alpha1.ServicePort{{Name: "a", Port: port}},
		}}}
	}
	address := func(i int) v1alpha1.IPAddress { return v1alpha1.IPAddress(memberAddress(i)) }
	for i := range maxAddresses - 1 {
		if refused := taken.take(service(80, address(i)), edge); refused != nil {
			t.Fatalf("address %d is refused: %s", i, refused.Message)
		}
	}
	if taken.take(service(80, "2001:db8::1", "2001:db8::2"), edge) == nil {
		t.Error("two addresses are accepted where there is room for one")
	}
	if refused := taken.take(service(80, "2001:db8::1"), edge); refused != nil {
		t.Errorf("the last address is refused: %s", refused.Message)
	}
	if taken.take(service(80, "2001:db8::2"), edge) == nil {
		t.Error("one address more is accepted")
	}
	if refused := taken.take(service(81, address(0)), edge); refused != nil {
		t.Errorf("another port of an address that the group has is refused: %s", refused.Message)
	}
}
