// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/compile"
)

var (
	noon = metav1.NewTime(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	key  = types.NamespacedName{Namespace: "web", Name: "shop"}
)

// scene is a service web/shop with the ports http and https on 192.0.2.10, two directors d1 and d2, and a pool of two.
type scene struct {
	service     v1alpha1.VirtualService
	group       v1alpha1.DirectorGroup
	result      compile.Result
	generations map[string]int64
	states      map[string]*v1alpha1.NodeState
	notReady    map[string]bool
	now         metav1.Time
}

// served is the scene in which all is well: d1 is Active, and both directors have everything.
func served() *scene {
	pool := v1alpha1.PoolSet{Namespace: "web", Name: "blue", Slices: 1}
	compiled := func(port string) v1alpha1.CompiledService {
		return v1alpha1.CompiledService{ID: "web/shop/" + port, Generation: 3, Pool: pool}
	}
	s := &scene{
		service: v1alpha1.VirtualService{
			ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "shop", Generation: 3},
			Spec: v1alpha1.VirtualServiceSpec{
				DirectorGroup: "edge", Address: "192.0.2.10", Ports: []v1alpha1.ServicePort{{Name: "http", Port: 80}, {Name: "https", Port: 443}},
			},
		},
		group: v1alpha1.DirectorGroup{ObjectMeta: metav1.ObjectMeta{Name: "edge", Generation: 2}},
		result: compile.Result{
			Group:     compile.Verdict{Generation: 2},
			Services:  map[types.NamespacedName]compile.Verdict{key: {Generation: 3, Addresses: []v1alpha1.IPAddress{"192.0.2.10"}}},
			Directors: []string{"d1", "d2"}, VirtualRouterIDs: []int32{66},
			RealServerSlices: []v1alpha1.RealServerSlice{{
				ObjectMeta: metav1.ObjectMeta{Name: "edge-blue-0"},
				Spec: v1alpha1.RealServerSliceSpec{
					Pool:        v1alpha1.PoolReference{Namespace: "web", Name: "blue"},
					RealServers: []v1alpha1.CompiledRealServer{{Address: "192.0.2.111"}, {Address: "192.0.2.112"}},
				},
			}},
			ServiceSlices: []v1alpha1.ServiceSlice{{
				ObjectMeta: metav1.ObjectMeta{Name: "edge-0"},
				Spec:       v1alpha1.ServiceSliceSpec{Services: []v1alpha1.CompiledService{compiled("http"), compiled("https")}},
			}},
		},
		generations: map[string]int64{"edge-0": 5, "edge-blue-0": 7},
		states:      map[string]*v1alpha1.NodeState{},
		notReady:    map[string]bool{},
		now:         later,
	}
	for i, name := range s.result.Directors {
		s.states[name] = reportOf(name, int32(101-i))
	}
	s.vrrp("d1", v1alpha1.VRRPActive, noon)
	return s
}

func reportOf(name string, priority int32) *v1alpha1.NodeState {
	router := v1alpha1.VirtualRouter{VirtualRouterID: 66, Priority: priority, Addresses: []v1alpha1.IPAddress{"192.0.2.10"}}
	return &v1alpha1.NodeState{
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 4},
		Spec: v1alpha1.NodeStateSpec{DirectorGroups: []v1alpha1.NodeDirectorGroup{{
			Name: "edge", VirtualRouters: []v1alpha1.VirtualRouter{router},
		}}},
		Status: v1alpha1.NodeStateStatus{
			ObservedGeneration: 4,
			DirectorGroups: []v1alpha1.NodeDirectorGroupStatus{{
				Name:           "edge",
				VirtualRouters: []v1alpha1.VirtualRouterStatus{{VirtualRouterID: 66, State: v1alpha1.VRRPBackup, Source: v1alpha1.IPAddress("198.51.100." + strings.TrimPrefix(name, "d"))}},
				Applied:        map[string]int64{"edge-0": 5, "edge-blue-0": 7},
			}},
		},
	}
}

func (s *scene) edge(node string) *v1alpha1.NodeDirectorGroupStatus {
	return &s.states[node].Status.DirectorGroups[0]
}

func (s *scene) vrrp(node string, state v1alpha1.VRRPState, since metav1.Time) {
	s.edge(node).VirtualRouters[0].State, s.edge(node).VirtualRouters[0].Since = state, since
}

// backupHears lets d2 hear somebody.
func (s *scene) backupHears(peer v1alpha1.VRRPPeer) {
	s.edge("d2").VirtualRouters[0].Peers = append(s.edge("d2").VirtualRouters[0].Peers, peer)
}

func (s *scene) problem(node string, p v1alpha1.Problem) {
	p.DirectorGroup = "edge"
	s.states[node].Status.Problems = append(s.states[node].Status.Problems, p)
}

// later is when every grace of an election at noon is over.
var later = metav1.NewTime(noon.Add(time.Minute))

func (s *scene) directors() []Director {
	directors, _ := Directors("edge", s.result.Directors, s.states, s.notReady, s.now.Time)
	return directors
}

func (s *scene) serviceStatus() v1alpha1.VirtualServiceStatus {
	view := NewView(View{}, s.result, s.generations)
	return VirtualService(&s.service, view.Services[key], s.directors(), s.now)
}

func (s *scene) groupStatus() v1alpha1.DirectorGroupStatus {
	return DirectorGroup(&s.group, NewView(View{}, s.result, s.generations), s.directors(), s.now)
}

// told is the conditions in one line each, without those that are True.
func told(conditions []metav1.Condition) string {
	var lines []string
	for _, c := range conditions {
		if c.Status != metav1.ConditionTrue {
			lines = append(lines, fmt.Sprintf("%s=%s %s", c.Type, c.Status, c.Reason))
		}
	}
	return strings.Join(lines, ", ")
}

func TestAVirtualServicesStatus(t *testing.T) {
	for _, story := range []struct {
		tells           string
		change          func(*scene)
		conditions      string
		active, healthy string
		says            string // by Ready
		programmed      string // said by Programmed
	}{
		{tells: "all is well", active: "d1", healthy: "2/2", says: "d1 is Active with 2 of 2 real servers healthy"},
		{
			tells:      "a director lags behind with the services",
			change:     func(s *scene) { s.edge("d2").Applied["edge-0"] = 4 },
			conditions: "Programmed=False Pending", active: "d1", healthy: "2/2",
			programmed: "director d2 has not reported slice edge-0 at generation 5 yet",
		},
		{
			tells:      "a director lags behind with the real servers",
			change:     func(s *scene) { delete(s.edge("d1").Applied, "edge-blue-0") },
			conditions: "Programmed=False Pending, Ready=False Pending", active: "d1",
			says: "director d1 has not reported slice edge-blue-0 at generation 7 yet",
		},
		{
			tells:      "a director is ahead of the controller's cache",
			change:     func(s *scene) { s.edge("d2").Applied["edge-0"] = 6 },
			conditions: "", active: "d1", healthy: "2/2",
		},
		{
			tells:      "a director has no agent",
			change:     func(s *scene) { delete(s.states, "d2") },
			conditions: "Programmed=False Pending", active: "d1", healthy: "2/2",
			programmed: "director d2 has not reported slice edge-0",
		},
		{
			tells:      "a director has not been given the address yet",
			change:     func(s *scene) { s.states["d1"].Spec.DirectorGroups[0].VirtualRouters[0].Addresses = nil },
			conditions: "Programmed=False Pending, Ready=False Pending", active: "d1", healthy: "2/2",
			says: "director d1 has not applied the NodeState that carries 192.0.2.10 yet",
		},
		{
			tells: "once programmed, a NodeState that changes for others takes nothing back",
			change: func(s *scene) {
				s.service.Status = s.serviceStatus()
				s.states["d1"].Generation = 5
			},
			active: "d1", healthy: "2/2",
		},
		{
			tells: "a director's problem names the service",
			change: func(s *scene) {
				s.problem("d2", v1alpha1.Problem{Service: "web/shop/https", Reason: v1alpha1.ProblemKernel, Message: "add service: no such module; load ip_vs_wlc"})
			},
			conditions: "Programmed=False DirectorProblem", active: "d1", healthy: "2/2",
			programmed: "director d2: KernelRefused: add service: no such module; load ip_vs_wlc",
		},
		{
			tells: "a problem of another service is not ours",
			change: func(s *scene) {
				s.problem("d2", v1alpha1.Problem{Service: "web/other/https", Reason: v1alpha1.ProblemKernel})
			},
			active: "d1", healthy: "2/2",
		},
		{
			tells:      "nobody is Active",
			change:     func(s *scene) { s.vrrp("d1", v1alpha1.VRRPInitialize, noon) },
			conditions: "Ready=False NoActive", says: "d1 is Initialize, d2 is Backup",
		},
		{
			tells:      "both are Active",
			change:     func(s *scene) { s.vrrp("d2", v1alpha1.VRRPActive, noon) },
			conditions: "Ready=False TwoActives", active: "d1,d2", says: "directors d1,d2 all report being Active",
		},
		{
			tells: "a node is lost while Active and another one took over",
			change: func(s *scene) {
				s.vrrp("d2", v1alpha1.VRRPActive, metav1.NewTime(noon.Add(time.Minute)))
				s.notReady["d1"] = true
			},
			conditions: "Programmed=False NodeNotReady", active: "d2", healthy: "2/2",
			programmed: "director d1: node is not ready",
		},
		{
			tells: "a lost node has not applied its NodeState",
			change: func(s *scene) {
				s.notReady["d2"] = true
				s.states["d2"].Generation = 5
			},
			conditions: "Programmed=False NodeNotReady", active: "d1", healthy: "2/2", programmed: "director d2: node is not ready",
		},
		{
			tells: "the Active director has a problem with the service",
			change: func(s *scene) {
				s.problem("d1", v1alpha1.Problem{Service: "web/shop/https", Reason: v1alpha1.ProblemKernel, Message: "no such module"})
			},
			conditions: "Programmed=False DirectorProblem, Ready=False DirectorProblem", active: "d1", healthy: "2/2",
			says: "director d1: KernelRefused: no such module",
		},
		{
			tells: "a problem of the whole group stands against each of its services",
			change: func(s *scene) {
				s.problem("d2", v1alpha1.Problem{Reason: v1alpha1.ProblemVRRP, Message: "cannot start: no such interface"})
			},
			conditions: "Programmed=False DirectorProblem", active: "d1", healthy: "2/2",
			programmed: "director d2: VRRP: cannot start: no such interface",
		},
		{
			tells: "a problem of another group or of the node alone is not ours",
			change: func(s *scene) {
				s.states["d1"].Status.Problems = []v1alpha1.Problem{{Reason: v1alpha1.ProblemCheckpoint}, {Reason: v1alpha1.ProblemVRRP, DirectorGroup: "core"}}
				s.states["d1"].Status.ProblemCount = 2
			},
			active: "d1", healthy: "2/2",
		},
		{
			tells: "a director has more problems than it lists, so perhaps one of ours",
			change: func(s *scene) {
				s.problem("d2", v1alpha1.Problem{Service: "web/other/https", Reason: v1alpha1.ProblemKernel})
				s.states["d2"].Status.ProblemCount = 70
			},
			conditions: "Programmed=False DirectorProblem", active: "d1", healthy: "2/2",
			programmed: "director d2 has 70 problems, more than it lists; see kubectl get nodestate d2 -o yaml",
		},
		{
			tells:      "a node whose kubelet is lost is still Active while nobody took over",
			change:     func(s *scene) { s.notReady["d1"] = true },
			conditions: "", active: "d1", healthy: "2/2",
		},
		{
			tells: "the worst port counts",
			change: func(s *scene) {
				s.edge("d1").Degraded = []v1alpha1.DegradedService{{Service: "web/shop/https", RealServers: 2, Healthy: 1}}
			},
			active: "d1", healthy: "1/2",
		},
		{
			tells: "the Active director's view counts, not the Backup's",
			change: func(s *scene) {
				s.edge("d2").Degraded = []v1alpha1.DegradedService{{Service: "web/shop/https", RealServers: 2, Healthy: 0}}
			},
			active: "d1", healthy: "2/2",
		},
		{
			tells: "no real server is healthy",
			change: func(s *scene) {
				s.edge("d1").Degraded = []v1alpha1.DegradedService{{Service: "web/shop/http", RealServers: 2, Healthy: 0}}
			},
			conditions: "Ready=False NoHealthyRealServer", active: "d1", healthy: "0/2", says: "director d1 sees none of 2 real servers of port http healthy",
		},
		{
			tells:      "no node is a director",
			change:     func(s *scene) { s.result.Directors = nil },
			conditions: "Programmed=False NoDirectors, Ready=False NoDirectors",
		},
		{
			tells: "the service was refused",
			change: func(s *scene) {
				s.result.ServiceSlices = nil
				s.result.Services[key] = compile.Verdict{Generation: 3, Findings: []compile.Finding{
					{Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonConflict, Message: "taken"},
				}}
			},
			conditions: "Accepted=False Conflict, Programmed=False NotAccepted, Ready=False NotAccepted", says: "taken",
		},
		{
			tells:      "its slices have not been written",
			change:     func(s *scene) { s.generations = nil },
			conditions: "Programmed=False Pending, Ready=False Pending", active: "d1",
		},
	} {
		t.Run(story.tells, func(t *testing.T) {
			s := served()
			if story.change != nil {
				story.change(s)
			}
			status := s.serviceStatus()
			if got := told(status.Conditions); got != story.conditions {
				t.Errorf("conditions %q, want %q", got, story.conditions)
			}
			if status.Active != story.active || status.Healthy != story.healthy {
				t.Errorf("active %q, healthy %q; want %q, %q", status.Active, status.Healthy, story.active, story.healthy)
			}
			if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); !strings.Contains(ready.Message, story.says) {
				t.Errorf("Ready says %q, want %q", ready.Message, story.says)
			}
			if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionProgrammed); !strings.Contains(c.Message, story.programmed) {
				t.Errorf("Programmed says %q, want %q", c.Message, story.programmed)
			}
			if status.ObservedGeneration != 3 || status.Conditions[0].ObservedGeneration != 3 {
				t.Errorf("speaks of generation %d, want 3", status.ObservedGeneration)
			}
		})
	}
}

func TestADirectorGroupsStatus(t *testing.T) {
	for _, story := range []struct {
		tells              string
		change             func(*scene)
		conditions, active string
		says               string // by Ready
	}{
		{tells: "all is well", active: "d1", says: "d1 is Active"},
		{
			tells: "a director was lost while Active and another one took over",
			change: func(s *scene) {
				s.vrrp("d2", v1alpha1.VRRPActive, later)
				s.notReady["d1"] = true
			},
			conditions: "Programmed=False NodeNotReady", active: "d2", says: "d2 is Active; director d1: node is not ready",
		},
		{
			tells: "a Backup cannot start VRRP",
			change: func(s *scene) {
				s.problem("d2", v1alpha1.Problem{Reason: v1alpha1.ProblemVRRP, Message: "no such interface"})
			},
			conditions: "Programmed=False DirectorProblem", active: "d1", says: "d1 is Active; director d2: VRRP: no such interface",
		},
		{
			tells: "a Backup cannot serve",
			change: func(s *scene) {
				s.edge("d2").VirtualRouters[0].Lowered = v1alpha1.LoweredRealServersDown
			},
			active: "d1", says: "d1 is Active; d2 has lowered its priority: RealServersDown",
		},
		{
			tells: "a Backup hands over",
			change: func(s *scene) {
				s.states["d2"].Spec.DirectorGroups[0].VirtualRouters[0].Lowered = v1alpha1.LoweredHandOver
				s.edge("d2").VirtualRouters[0].Lowered = v1alpha1.LoweredRealServersDown
			},
			active: "d1", says: "d1 is Active; d2 has lowered its priority: HandOver",
		},
		{
			tells:  "a director hears the other one",
			change: func(s *scene) { s.backupHears(v1alpha1.VRRPPeer{Address: "198.51.100.1", Priority: 101}) },
			active: "d1",
		},
		{
			tells:      "a director hears somebody else",
			change:     func(s *scene) { s.backupHears(v1alpha1.VRRPPeer{Address: "198.51.100.9", Priority: 50}) },
			conditions: "Exclusive=False ForeignRouter", active: "d1",
		},
		{
			tells: "a director hears somebody that may be the other one, which has not said where it sends from",
			change: func(s *scene) {
				s.edge("d1").VirtualRouters[0].Source = ""
				s.backupHears(v1alpha1.VRRPPeer{Address: "198.51.100.1", Priority: 101})
			},
			active: "d1",
		},
		{
			tells: "a director hears somebody with another password",
			change: func(s *scene) {
				s.edge("d1").VirtualRouters[0].Source = ""
				s.backupHears(v1alpha1.VRRPPeer{Address: "198.51.100.9", Discarded: "authentication"})
			},
			conditions: "Exclusive=False ForeignRouter", active: "d1",
		},
		{tells: "both are Active", change: func(s *scene) { s.vrrp("d2", v1alpha1.VRRPActive, noon) }, conditions: "Ready=False TwoActives", active: "d1,d2"},
		{tells: "nobody is Active", change: func(s *scene) { s.vrrp("d1", v1alpha1.VRRPBackup, noon) }, conditions: "Ready=False NoActive"},
		{tells: "no node is a director", change: func(s *scene) { s.result.Directors = nil }, conditions: "Programmed=False NoDirectors, Ready=False NoDirectors"},
		{
			tells: "the password's Secret is missing",
			change: func(s *scene) {
				s.problem("d1", v1alpha1.Problem{Reason: v1alpha1.ProblemSecretMissing, Message: "create it"})
			},
			conditions: "ResolvedRefs=False SecretMissing, Programmed=False DirectorProblem, Ready=False DirectorProblem", active: "d1",
		},
		{
			tells: "one service's problem is not the group's",
			change: func(s *scene) {
				s.problem("d1", v1alpha1.Problem{Service: "web/shop/http", Reason: v1alpha1.ProblemKernel})
			},
			active: "d1",
		},
		{tells: "an agent is missing", change: func(s *scene) { delete(s.states, "d2") }, conditions: "Programmed=False Pending", active: "d1", says: "d1 is Active; director d2 has not reported the group yet; is its agent running?"},
		{
			tells: "the group was refused",
			change: func(s *scene) {
				s.result.Group.Findings = []compile.Finding{{Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonConflict, Message: "taken"}}
			},
			conditions: "Accepted=False Conflict, Programmed=False NotAccepted, Ready=False NotAccepted",
		},
	} {
		t.Run(story.tells, func(t *testing.T) {
			s := served()
			if story.change != nil {
				story.change(s)
			}
			status := s.groupStatus()
			if got := told(status.Conditions); got != story.conditions {
				t.Errorf("conditions %q, want %q", got, story.conditions)
			}
			if status.Active != story.active {
				t.Errorf("active %q, want %q", status.Active, story.active)
			}
			if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); !strings.Contains(ready.Message, story.says) {
				t.Errorf("Ready says %q, want %q", ready.Message, story.says)
			}
		})
	}
}

func TestADirectorGroupCountsItsDirectorsAndServices(t *testing.T) {
	s := served()
	delete(s.states, "d2")
	status := s.groupStatus()
	want := []v1alpha1.DirectorStatus{{Node: "d1", Priority: 101, State: v1alpha1.VRRPActive}, {Node: "d2", State: v1alpha1.VRRPUnknown}}
	if diff := cmp.Diff(want, status.Directors); diff != "" {
		t.Errorf("directors -want +got:\n%s", diff)
	}
	if status.DirectorCount != 2 || status.Services != 2 {
		t.Errorf("%d directors and %d services, want 2 and 2", status.DirectorCount, status.Services)
	}
}

func TestAPortSaysWhatEachDirectorRuns(t *testing.T) {
	s := served()
	s.edge("d2").Applied["edge-0"] = 4
	want := []v1alpha1.PortDirectorStatus{{Node: "d1", Programmed: true, RealServers: 2, Healthy: 2}, {Node: "d2"}}
	status := s.serviceStatus()
	if len(status.Ports) != 2 || status.Ports[1].Name != "https" {
		t.Fatalf("ports %v", status.Ports)
	}
	if diff := cmp.Diff(want, status.Ports[1].Directors); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAConditionKeepsItsTimeWhileItsStatusStays(t *testing.T) {
	s := served()
	s.service.Status = s.serviceStatus()
	s.vrrp("d1", v1alpha1.VRRPBackup, noon)
	hourLater := metav1.NewTime(later.Add(time.Hour))
	view := NewView(View{}, s.result, s.generations)
	status := VirtualService(&s.service, view.Services[key], s.directors(), hourLater)
	for conditionType, want := range map[string]metav1.Time{v1alpha1.ConditionProgrammed: later, v1alpha1.ConditionReady: hourLater} {
		if c := meta.FindStatusCondition(status.Conditions, conditionType); !c.LastTransitionTime.Equal(&want) {
			t.Errorf("%s changed at %s, want %s", conditionType, c.LastTransitionTime, want)
		}
	}
}

func TestAServiceNeedsNoMoreWhenAnotherJoinsItsSlice(t *testing.T) {
	s := served()
	before := NewView(View{}, s.result, s.generations)
	joined := s.result.ServiceSlices[0].DeepCopy()
	joined.Spec.Services = append(joined.Spec.Services, v1alpha1.CompiledService{ID: "web/late/http", Generation: 1, Pool: joined.Spec.Services[0].Pool})
	s.result.ServiceSlices = []v1alpha1.ServiceSlice{*joined}
	s.generations = map[string]int64{"edge-0": 6, "edge-blue-0": 7}

	after := NewView(before, s.result, s.generations)
	if diff := cmp.Diff(before.Services[key], after.Services[key]); diff != "" {
		t.Errorf("the needs of a service that did not change:\n%s", diff)
	}
	late := after.Services[types.NamespacedName{Namespace: "web", Name: "late"}]
	if late.Slices["edge-0"] != 6 {
		t.Errorf("the new service needs generation %d of edge-0, want 6", late.Slices["edge-0"])
	}
	joined.Spec.Services[0].Scheduler = "rr"
	s.generations["edge-0"] = 7
	if changed := NewView(after, s.result, s.generations); changed.Services[key].Slices["edge-0"] != 7 {
		t.Errorf("a service that changed needs generation %d of edge-0, want 7", changed.Services[key].Slices["edge-0"])
	}
}

func TestAServiceWhoseGroupDoesNotExist(t *testing.T) {
	s := served()
	status := WithoutGroup(&s.service, noon)
	want := "Accepted=Unknown Pending, ResolvedRefs=False DirectorGroupNotFound, Programmed=False NotAccepted, Ready=False NotAccepted"
	if got := told(status.Conditions); got != want {
		t.Errorf("conditions %q, want %q", got, want)
	}
}

func TestARealServerPoolsStatus(t *testing.T) {
	pool := &v1alpha1.RealServerPool{ObjectMeta: metav1.ObjectMeta{Generation: 9}}
	pool.Spec.Members = []v1alpha1.Member{{Address: "192.0.2.111"}}
	status := RealServerPool(pool, 3, noon)
	if status.Members != 1 || status.VirtualServices != 3 || status.ObservedGeneration != 9 || told(status.Conditions) != "" {
		t.Errorf("status %+v", status)
	}
}
