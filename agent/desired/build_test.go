// SPDX-License-Identifier: Apache-2.0

package desired_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

const password = "s3cret"

// edge is one director of group edge: two VRRP addresses with a password, a web service with two checked real servers.
func edge() world {
	return world{
		Node: &v1alpha1.NodeState{Spec: v1alpha1.NodeStateSpec{DirectorGroups: []v1alpha1.NodeDirectorGroup{{
			Name: "edge", AddressPools: []v1alpha1.CIDR{"192.0.2.0/24"},
			VirtualRouters: []v1alpha1.VirtualRouter{router(66, "192.0.2.200", "192.0.2.10")},
		}}}},
		ServiceSlices: []v1alpha1.ServiceSlice{serviceSlice("edge-services", 3, webService())},
		RealServerSlices: []v1alpha1.RealServerSlice{
			realServerSlice("edge-tomcat-0", 7, v1alpha1.CompiledRealServer{Address: "192.0.2.115", Weight: 3}),
			realServerSlice("edge-tomcat-1", 8, v1alpha1.CompiledRealServer{Address: "192.0.2.111", Port: 80, Weight: 0}),
		},
		Passwords: desired.Passwords{"edge-vrrp": password, "other": "unused"},
	}
}

func router(vrid int32, addresses ...v1alpha1.IPAddress) v1alpha1.VirtualRouter {
	return v1alpha1.VirtualRouter{
		VirtualRouterID: vrid, Interface: "eth0", Version: 2, Priority: 100, Preempt: true,
		AdvertisementInterval: metav1.Duration{Duration: time.Second}, Addresses: addresses,
		Authentication: &v1alpha1.VRRPAuthentication{Type: "Password", SecretRef: v1alpha1.SecretReference{Name: "edge-vrrp"}},
	}
}

func webService() v1alpha1.CompiledService {
	return v1alpha1.CompiledService{
		ID: "web/tomcat/http", Generation: 1, Address: "192.0.2.200", Port: 8080, Protocol: "TCP", Scheduler: "wrr",
		ForwardingMethod: v1alpha1.DirectRouting, Pool: poolSet("edge-tomcat-0", "edge-tomcat-1"),
	}
}

func poolSet(names ...string) v1alpha1.PoolSet {
	return v1alpha1.PoolSet{Namespace: "web", Name: "tomcat", Slices: int32(len(names)), Hash: v1alpha1.SetHash(names)}
}

func serviceSlice(name string, generation int64, services ...v1alpha1.CompiledService) v1alpha1.ServiceSlice {
	return v1alpha1.ServiceSlice{
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: generation},
		Spec:       v1alpha1.ServiceSliceSpec{DirectorGroup: "edge", Services: services},
	}
}

func realServerSlice(name string, generation int64, realServers ...v1alpha1.CompiledRealServer) v1alpha1.RealServerSlice {
	return v1alpha1.RealServerSlice{
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: generation},
		Spec: v1alpha1.RealServerSliceSpec{
			DirectorGroup: "edge", Pool: v1alpha1.PoolReference{Namespace: "web", Name: "tomcat"}, RealServers: realServers,
			HealthCheck: &v1alpha1.CompiledHealthCheck{
				Interval: metav1.Duration{Duration: 6 * time.Second}, Timeout: metav1.Duration{Duration: 10 * time.Second},
				Retries: 3, RetryDelay: metav1.Duration{Duration: 3 * time.Second}, TCP: &v1alpha1.TCPCheck{},
			},
		},
	}
}

func everyoneHealthy(health.Target) bool { return true }

// build fails the test if there is a problem.
func build(t *testing.T, in world) *state {
	t.Helper()
	state, problems := in.build()
	if len(problems) > 0 {
		t.Fatalf("problems: %+v", problems)
	}
	return state
}

// wantProblem fails the test unless there is exactly this problem.
func wantProblem(t *testing.T, problems []v1alpha1.Problem, reason, service, part string) {
	t.Helper()
	if len(problems) != 1 || problems[0].Reason != reason || problems[0].Service != service ||
		!strings.Contains(problems[0].Message, part) {
		t.Errorf("problems %+v, want one %s of service %q that says %q", problems, reason, service, part)
	}
}

func TestDirectorOfTheTutorial(t *testing.T) {
	got := build(t, edge())

	want := &state{
		Node: desired.Node{Groups: []desired.Group{{
			Name:  "edge",
			Owned: ipvs.Ownership{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}},
			Routers: []desired.Router{{Interface: "eth0", Secret: "edge-vrrp", Config: vrrp.Config{
				Version: vrrp.Version2, VRID: 66, Priority: 100, Interval: time.Second, Preempt: true,
				Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.200")},
				Password:  vrrp.NewPassword(password),
			}}},
		}}},
		Services: []*desired.Service{{
			ID: "web/tomcat/http", Group: "edge",
			Service: ipvs.Service{Scheduler: "wrr", Key: ipvs.ServiceKey{
				Address: netip.MustParseAddr("192.0.2.200"), Port: 8080, Protocol: ipvs.TCP,
			}},
			Destinations: []ipvs.Destination{realServer("192.0.2.111:80", 0), realServer("192.0.2.115:8080", 3)},
			Check: &desired.Check{Spec: health.Spec{
				Check: check.TCP{}, Interval: 6 * time.Second, Timeout: 10 * time.Second, RetryDelay: 3 * time.Second, Retries: 3,
			}},
		}},
		Applied: map[string]map[string]int64{"edge": {"edge-services": 3, "edge-tomcat-0": 7, "edge-tomcat-1": 8}},
	}
	if !got.Equal(want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if owned := got.Owned(); !owned.Equal(want.Groups[0].Owned) {
		t.Errorf("owned %v", owned)
	}
	if len(got.store.Forwarding()) != 0 {
		t.Error("direct routing needs no forwarding")
	}
	first := got.Services[0]
	if target, checked := first.Target(first.Destinations[1]); !checked || target.Address != netip.MustParseAddrPort("192.0.2.115:8080") {
		t.Errorf("the second real server is checked at %v, %v", target, checked)
	}
}

func realServer(address string, weight uint32) ipvs.Destination {
	at := netip.MustParseAddrPort(address)
	return ipvs.Destination{Address: at.Addr(), Port: at.Port(), Weight: weight, Method: ipvs.DirectRoute}
}

func TestOnlyHealthyAndUncheckedRealServersGetIntoTheTable(t *testing.T) {
	in := edge()
	nobody := func(health.Target) bool { return false }
	if diff := cmp.Diff("-A -t 192.0.2.200:8080 -s wrr\n", build(t, in).table(nobody).String()); diff != "" {
		t.Error(diff)
	}
	first := func(target health.Target) bool { return target.Address == netip.MustParseAddrPort("192.0.2.111:80") }
	const one = "-A -t 192.0.2.200:8080 -s wrr\n-a -t 192.0.2.200:8080 -r 192.0.2.111:80 -g -w 0\n"
	if diff := cmp.Diff(one, build(t, in).table(first).String()); diff != "" {
		t.Error(diff)
	}
	for i := range in.RealServerSlices {
		in.RealServerSlices[i].Spec.HealthCheck = nil
	}
	const everyone = `-A -t 192.0.2.200:8080 -s wrr
-a -t 192.0.2.200:8080 -r 192.0.2.111:80 -g -w 0
-a -t 192.0.2.200:8080 -r 192.0.2.115:8080 -g -w 3
`
	if diff := cmp.Diff(everyone, build(t, in).table(nobody).String()); diff != "" {
		t.Error(diff)
	}
}

func TestNodeWithoutPartDoesNothing(t *testing.T) {
	in := edge()
	in.Node = nil
	if state := build(t, in); len(state.Groups)+len(state.Services)+len(state.RealServerAddresses) > 0 {
		t.Errorf("state %+v", state)
	}
	in.Node = &v1alpha1.NodeState{Spec: v1alpha1.NodeStateSpec{RealServer: &v1alpha1.NodeRealServer{
		Addresses: []v1alpha1.IPAddress{"192.0.2.200", "192.0.2.10", "192.0.2.200"},
	}}}
	want := []netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.200")}
	if state := build(t, in); !slices.Equal(state.RealServerAddresses, want) {
		t.Errorf("a real server's addresses %v, want %v", state.RealServerAddresses, want)
	}
}

func TestMissingPasswordStopsTheRouterAndNothingElse(t *testing.T) {
	in := edge()
	in.Passwords = nil
	state, problems := in.build()
	wantProblem(t, problems, v1alpha1.ProblemSecretMissing, "", "Secret edge-vrrp")
	if len(state.Groups[0].Routers) != 0 || len(state.Services) != 1 {
		t.Errorf("state %+v", state)
	}
}

func TestRouterThatCannotBeBuiltAnyMoreGoesOnInItsPreviousForm(t *testing.T) {
	const invalid = v1alpha1.ProblemInvalid
	compiled := func(change func(*v1alpha1.VirtualRouter)) func(*world) {
		return func(in *world) { change(&in.Node.Spec.DirectorGroups[0].VirtualRouters[0]) }
	}
	for _, c := range []struct {
		name, reason, message string
		change                func(*world)
	}{
		{"Secret deleted", v1alpha1.ProblemSecretMissing, "Secret edge-vrrp", func(in *world) { in.Passwords = nil }},
		{"password of 9 bytes", invalid, "password of 9 bytes", func(in *world) { in.Passwords = desired.Passwords{"edge-vrrp": "123456789"} }},
		{"another Secret, missing", v1alpha1.ProblemSecretMissing, "Secret new-vrrp", compiled(func(r *v1alpha1.VirtualRouter) { r.Authentication.SecretRef.Name = "new-vrrp" })},
		{"priority", invalid, "priority 256", compiled(func(r *v1alpha1.VirtualRouter) { r.Priority = 256 })},
		{"interval", invalid, "multiple of 1s", compiled(func(r *v1alpha1.VirtualRouter) { r.AdvertisementInterval.Duration = time.Millisecond })},
		{"address", invalid, `"192.0.2.300"`, compiled(func(r *v1alpha1.VirtualRouter) { r.Addresses = append(r.Addresses, "192.0.2.300") })},
		{"password with version 3", invalid, "no authentication", compiled(func(r *v1alpha1.VirtualRouter) { r.Version = 3 })},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := build(t, edge())
			state := before
			for range 2 { // and it goes on going on
				in := edge()
				in.Previous = state
				c.change(&in)
				var problems []v1alpha1.Problem
				state, problems = in.build()
				wantProblem(t, problems, c.reason, "", c.message)
				wantProblem(t, problems, c.reason, "", "previous form")
				if !state.Equal(before) {
					t.Errorf("state %+v\nwant %+v", state, before)
				}
			}
			if got := state.Passwords(); len(got) != 1 || got["edge-vrrp"] != password {
				t.Errorf("the checkpoint gets %d passwords, want the one in use", len(got))
			}
			in := edge()
			in.Previous = state
			in.Passwords["edge-vrrp"] = "fresh"
			if state = build(t, in); state.Groups[0].Routers[0].Config.Password != vrrp.NewPassword("fresh") {
				t.Error("a router that can be built again keeps its previous form")
			}
		})
	}
}

func TestRoutersOfOneSecretHaveOnePassword(t *testing.T) {
	two := func() world {
		in := edge()
		routers := &in.Node.Spec.DirectorGroups[0].VirtualRouters
		*routers = append(*routers, router(67, "192.0.2.30"))
		return in
	}
	before := build(t, two())
	in := two()
	in.Previous = before
	in.Passwords["edge-vrrp"] = "fresh"
	in.Node.Spec.DirectorGroups[0].VirtualRouters[1].Priority = 256
	state, problems := in.build()
	wantProblem(t, problems, v1alpha1.ProblemInvalid, "", "virtual router 67 on eth0: priority 256")
	for _, r := range state.Groups[0].Routers {
		if r.Config.Priority != 100 || r.Config.Password != vrrp.NewPassword("fresh") {
			t.Errorf("router %+v: want priority 100 and the Secret's new password", r)
		}
	}
	if got := state.Passwords(); len(got) != 1 || got["edge-vrrp"] != "fresh" {
		t.Errorf("%d passwords, want the new one", len(got))
	}
}

func TestRouterIDGoesToTheRouterInItsNewForm(t *testing.T) {
	before := build(t, edge())
	in := edge()
	in.Previous = before
	in.Node.Spec.DirectorGroups[0].VirtualRouters[0].Priority = 256
	heir := router(66, "192.0.2.30")
	in.Node.Spec.DirectorGroups = append(in.Node.Spec.DirectorGroups, v1alpha1.NodeDirectorGroup{
		Name: "zebra", VirtualRouters: []v1alpha1.VirtualRouter{heir},
	})
	state, problems := in.build()
	if len(problems) != 2 {
		t.Errorf("problems %+v", problems)
	}
	if len(state.Groups[0].Routers) != 0 || len(state.Groups[1].Routers) != 1 {
		t.Errorf("groups %+v", state.Groups)
	}
}

func TestRouterWithoutAddressesIsNotRun(t *testing.T) {
	in := edge()
	in.Node.Spec.DirectorGroups[0].VirtualRouters[0].Addresses = nil
	if state := build(t, in); len(state.Groups[0].Routers) != 0 {
		t.Errorf("routers %+v", state.Groups[0].Routers)
	}
}

func TestPasswordIsNeverShown(t *testing.T) {
	in := edge()
	in.Passwords["edge-vrrp"] = "far-too-long-" + password
	_, problems := in.build()
	wantProblem(t, problems, v1alpha1.ProblemInvalid, "", "password of 19 bytes")

	state := build(t, edge())
	text, err := json.Marshal([]any{state.Node, in.Passwords})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{
		fmt.Sprintf("%v %+v %#v", state.Node, state.Node, state.Node), string(text), fmt.Sprintf("%v %+v %#v %s", in.Passwords, in.Passwords, in.Passwords, in.Passwords),
		fmt.Sprint(problems), fmt.Sprintf("%v %#v", state.Passwords(), state.Passwords()),
	} {
		if strings.Contains(shown, password) {
			t.Errorf("the password is in %s", shown)
		}
	}
}

func TestServiceWaitsForItsWholeSetInItsPreviousForm(t *testing.T) {
	before := build(t, edge())

	in := edge()
	in.ServiceSlices[0].Generation = 4
	in.ServiceSlices[0].Spec.Services[0].Scheduler = "wlc"
	in.ServiceSlices[0].Spec.Services[0].Pool = poolSet("edge-tomcat-0", "edge-tomcat-1", "edge-tomcat-2")
	in.Previous = before
	state, problems := in.build()
	wantProblem(t, problems, v1alpha1.ProblemSlicesMissing, "web/tomcat/http", "want 3")
	if !slices.EqualFunc(state.Services, before.Services, (*desired.Service).Equal) {
		t.Errorf("services %+v, want the previous form", state.Services)
	}
	if got := state.Applied["edge"]["edge-services"]; got != 3 {
		t.Errorf("generation %d of the ServiceSlice is reported, want 3, which is what is in force", got)
	}

	in.Previous = nil
	state, problems = in.build()
	wantProblem(t, problems, v1alpha1.ProblemSlicesMissing, "web/tomcat/http", "want 3")
	if len(state.Services) != 0 || len(state.Applied["edge"]) != 0 {
		t.Errorf("without a previous form: %+v", state.Groups[0])
	}

	in.RealServerSlices = append(in.RealServerSlices, realServerSlice("edge-tomcat-2", 1))
	state = build(t, in)
	if state.Services[0].Service.Scheduler != "wlc" || state.Applied["edge"]["edge-services"] != 4 {
		t.Errorf("with the whole set: %+v", state.Groups[0])
	}
}

func TestSetWithTheRightNumberOfTheWrongSlicesIsIncomplete(t *testing.T) {
	in := edge()
	in.RealServerSlices[1].Name = "edge-tomcat-9"
	_, problems := in.build()
	wantProblem(t, problems, v1alpha1.ProblemSlicesMissing, "web/tomcat/http", "waiting")
}

func TestSlicesOfOtherGroupsAndPoolsAreNotOurs(t *testing.T) {
	in := edge()
	foreign := serviceSlice("core-services", 1, webService())
	foreign.Spec.DirectorGroup = "core"
	in.ServiceSlices = append(in.ServiceSlices, foreign)
	otherPool := realServerSlice("edge-api-0", 1, v1alpha1.CompiledRealServer{Address: "192.0.2.99", Weight: 1})
	otherPool.Spec.Pool.Name = "api"
	otherGroup := realServerSlice("core-tomcat-0", 1, v1alpha1.CompiledRealServer{Address: "192.0.2.98", Weight: 1})
	otherGroup.Spec.DirectorGroup = "core"
	in.RealServerSlices = append(in.RealServerSlices, otherPool, otherGroup)
	if state := build(t, in); !state.Equal(build(t, edge())) {
		t.Errorf("state %+v", state)
	}
}

func TestServiceOfAnEmptyPoolHasNoRealServers(t *testing.T) {
	in := edge()
	in.RealServerSlices = nil
	in.ServiceSlices[0].Spec.Services[0].Pool = poolSet()
	if got := build(t, in).table(everyoneHealthy).String(); got != "-A -t 192.0.2.200:8080 -s wrr\n" {
		t.Errorf("table:\n%s", got)
	}
}

func TestOneBadValueStopsNothingElse(t *testing.T) {
	service := func(change func(*v1alpha1.CompiledService)) func(*world) {
		return func(in *world) {
			bad := webService()
			bad.ID, bad.Port = "web/bad/http", 81
			change(&bad)
			in.ServiceSlices[0].Spec.Services = append(in.ServiceSlices[0].Spec.Services, bad)
		}
	}
	const bad = "web/bad/http"
	cases := []struct {
		name    string
		change  func(*world)
		service string
		message string
	}{
		{"address", service(func(s *v1alpha1.CompiledService) { s.Address = "192.0.2.300" }), bad, `"192.0.2.300"`},
		{"IPv6 address outside the pools", service(func(s *v1alpha1.CompiledService) { s.Address = "2001:db8::1" }), bad, "none of"},
		{"address outside the pools", service(func(s *v1alpha1.CompiledService) { s.Address = "198.51.100.1" }), bad, "none of"},
		{"port -1", service(func(s *v1alpha1.CompiledService) { s.Port = -1 }), bad, "port -1"},
		{"port 65536", service(func(s *v1alpha1.CompiledService) { s.Port = 65536 }), bad, "port 65536"},
		{"protocol", service(func(s *v1alpha1.CompiledService) { s.Protocol = "ICMP" }), bad, `"ICMP"`},
		{"scheduler", service(func(s *v1alpha1.CompiledService) { s.Scheduler = "" }), bad, "scheduler"},
		{"method", service(func(s *v1alpha1.CompiledService) { s.ForwardingMethod = "Teleport" }), bad, `"Teleport"`},
		{"persistence", service(func(s *v1alpha1.CompiledService) { s.PersistenceSeconds = -1 }), bad, "-1 seconds"},
		{"key of another", service(func(s *v1alpha1.CompiledService) { s.ID, s.Port = "web/zebra/http", 8080 }), "web/zebra/http", "belongs to web/tomcat/http"},
		{"weight", func(in *world) {
			slice := &in.RealServerSlices[0].Spec
			slice.RealServers = append(slice.RealServers, v1alpha1.CompiledRealServer{Address: "192.0.2.77", Weight: -1})
		}, "web/tomcat/http", "weight -1"},
		{"real server's address", func(in *world) {
			slice := &in.RealServerSlices[0].Spec
			slice.RealServers = append(slice.RealServers, v1alpha1.CompiledRealServer{Address: "tomcat", Weight: 1})
		}, "web/tomcat/http", `"tomcat"`},
		{"pool", func(in *world) {
			pools := &in.Node.Spec.DirectorGroups[0].AddressPools
			*pools = append(*pools, "192.0.2.0/33")
		}, "", "192.0.2.0/33"},
		{"router id", func(in *world) {
			routers := &in.Node.Spec.DirectorGroups[0].VirtualRouters
			*routers = append(*routers, router(256, "192.0.2.30"))
		}, "", "virtual router id 256"},
		{"router id twice", func(in *world) {
			routers := &in.Node.Spec.DirectorGroups[0].VirtualRouters
			*routers = append(*routers, router(66, "192.0.2.30"))
		}, "", "virtual router 66 on eth0"},
		{"interface", func(in *world) {
			broken := router(67, "192.0.2.30")
			broken.Interface = ""
			routers := &in.Node.Spec.DirectorGroups[0].VirtualRouters
			*routers = append(*routers, broken)
		}, "", "1 to 15 bytes"},
		{"virtual IP of a real server", func(in *world) {
			in.Node.Spec.RealServer = &v1alpha1.NodeRealServer{Addresses: []v1alpha1.IPAddress{"lo"}}
		}, "", `"lo"`},
	}
	good := build(t, edge())
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := edge()
			c.change(&in)
			state, problems := in.build()
			wantProblem(t, problems, v1alpha1.ProblemInvalid, c.service, c.message)
			if !state.Equal(good) {
				t.Errorf("the rest became %+v", state)
			}
		})
	}
}

func TestServiceWithABadCheckKeepsItsPreviousForm(t *testing.T) {
	before := build(t, edge())
	in := edge()
	in.Previous = before
	in.RealServerSlices[0].Spec.HealthCheck.Timeout.Duration = 0
	state, problems := in.build()
	wantProblem(t, problems, v1alpha1.ProblemInvalid, "web/tomcat/http", "timeout")
	if !slices.EqualFunc(state.Services, before.Services, (*desired.Service).Equal) {
		t.Errorf("services %+v", state.Services)
	}
}

func TestAddressGoesToTheServiceInItsNewForm(t *testing.T) {
	before := build(t, edge())
	in := edge()
	in.Previous = before
	in.ServiceSlices[0].Spec.Services[0].Pool = poolSet("not-here")
	heir := webService()
	heir.ID = "web/zebra/http"
	in.ServiceSlices = append(in.ServiceSlices, serviceSlice("edge-services-1", 1, heir))
	state, problems := in.build()
	if len(problems) != 2 {
		t.Errorf("problems %+v", problems)
	}
	if services := state.Services; len(services) != 1 || services[0].ID != heir.ID {
		t.Errorf("services %+v", services)
	}
}

func TestOrderOfTheSlicesDoesNotMatter(t *testing.T) {
	in := edge()
	// A real server on its way from one slice to the other, with another weight.
	in.RealServerSlices[1].Spec.RealServers = append(in.RealServerSlices[1].Spec.RealServers,
		v1alpha1.CompiledRealServer{Address: "192.0.2.115", Weight: 1})
	in.ServiceSlices = append(in.ServiceSlices, serviceSlice("edge-services-1", 1, v1alpha1.CompiledService{
		ID: "web/api/http", Address: "192.0.2.201", Port: 80, Protocol: "UDP", Scheduler: "rr",
		ForwardingMethod: v1alpha1.NAT, Pool: poolSet("edge-tomcat-0", "edge-tomcat-1"),
	}))
	want := build(t, in)
	if !slices.Equal(want.store.Forwarding(), []ipvs.Family{ipvs.IPv4}) {
		t.Error("LVS/NAT needs forwarding")
	}
	slices.Reverse(in.ServiceSlices)
	slices.Reverse(in.RealServerSlices)
	if state := build(t, in); !state.Equal(want) {
		t.Errorf("reversed: %+v\nwant %+v", state, want)
	}
}

func TestStateSurvivesJSONAndGetsItsPasswordsBack(t *testing.T) {
	in := edge()
	in.Node.Spec.RealServer = &v1alpha1.NodeRealServer{Addresses: []v1alpha1.IPAddress{"192.0.2.10"}}
	state := build(t, in)
	text, err := json.Marshal(state.Node)
	if err != nil {
		t.Fatal(err)
	}
	var back desired.Node
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if back.Equal(state.Node) {
		t.Error("the password came along")
	}
	used := state.Passwords()
	if len(used) != 1 {
		t.Errorf("%d passwords in use, want 1", len(used))
	}
	whole, err := back.WithPasswords(used)
	if err != nil || !whole.Equal(state.Node) {
		t.Errorf("got %+v, %v\nwant %+v", whole, err, state)
	}
	if _, err := back.WithPasswords(nil); err == nil || !strings.Contains(err.Error(), "Secret edge-vrrp") {
		t.Errorf("without the password: %v", err)
	}
}

func TestIPv6AddressesRideAlongWithIPv4Ones(t *testing.T) {
	in := edge()
	in.Node.Spec.DirectorGroups[0].VirtualRouters[0].Addresses = []v1alpha1.IPAddress{"2001:db8::10", "192.0.2.10"}
	router := build(t, in).Groups[0].Routers[0]
	if len(router.Config.Addresses) != 1 || !slices.Equal(router.Unadvertised, []netip.Addr{netip.MustParseAddr("2001:db8::10")}) {
		t.Errorf("advertised %v, along with %v", router.Config.Addresses, router.Unadvertised)
	}
}

func TestWhatAnAdvertisementHasNoRoomForRidesAlong(t *testing.T) {
	in := edge()
	compiled := &in.Node.Spec.DirectorGroups[0].VirtualRouters[0]
	compiled.Addresses = nil
	for i := range 300 {
		compiled.Addresses = append(compiled.Addresses, v1alpha1.IPAddress(fmt.Sprintf("198.51.%d.%d", i/100, 1+i%100)))
	}
	router := build(t, in).Groups[0].Routers[0]
	if advertised, riding := len(router.Config.Addresses), len(router.Unadvertised); advertised != 255 || riding != 45 {
		t.Errorf("%d advertised, %d along, want 255 and 45", advertised, riding)
	}
}

func TestARouterOfIPv6AloneHasALinkLocalAddressInFront(t *testing.T) {
	in := edge()
	compiled := &in.Node.Spec.DirectorGroups[0].VirtualRouters[0]
	compiled.Addresses = []v1alpha1.IPAddress{"2001:db8::10"}
	_, problems := in.build()
	wantProblem(t, problems, v1alpha1.ProblemInvalid, "", "want version 3")

	compiled.Version, compiled.Authentication = 3, nil
	for i := range 100 {
		compiled.Addresses = append(compiled.Addresses, v1alpha1.IPAddress(fmt.Sprintf("2001:db8::1:%x", i)))
	}
	router := build(t, in).Groups[0].Routers[0]
	if got := router.Config.Addresses[0]; got != vrrp.LinkLocal(66) {
		t.Errorf("the first address is %s", got)
	}
	if advertised, riding := len(router.Config.Addresses), len(router.Unadvertised); advertised != 90 || riding != 12 {
		t.Errorf("%d advertised, %d along, want 90 and 12", advertised, riding)
	}
}

func TestVRRPOptionsReachTheRouter(t *testing.T) {
	in := edge()
	compiled := &in.Node.Spec.DirectorGroups[0].VirtualRouters[0]
	compiled.Version, compiled.Authentication = 3, nil
	compiled.PreemptDelay = &metav1.Duration{Duration: time.Minute}
	compiled.UnicastAddresses = []v1alpha1.IPAddress{"192.0.2.112", "192.0.2.114"}
	compiled.Checksum = v1alpha1.ChecksumWithoutPseudoHeader
	compiled.Announcements = &v1alpha1.Announcements{Repeat: 2, Delay: metav1.Duration{Duration: time.Second}, Refresh: &metav1.Duration{Duration: time.Hour}}
	compiled.MoveTogether, compiled.Lowered = "nat", v1alpha1.LoweredHandOver
	router := build(t, in).Groups[0].Routers[0]
	if router.MoveTogether != "nat" || router.Lowered != v1alpha1.LoweredHandOver {
		t.Errorf("moves together as %q, lowered %q", router.MoveTogether, router.Lowered)
	}
	got := router.Config
	want := got
	want.Waits = true
	want.PreemptDelay, want.PlainChecksum = time.Minute, true
	want.Peers = []netip.Addr{netip.MustParseAddr("192.0.2.112"), netip.MustParseAddr("192.0.2.114")}
	want.Announcements = vrrp.Announcements{Repeat: 2, Delay: time.Second, Refresh: time.Hour}
	if !got.Equal(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestClosedAddressesAreThoseOfAllRoutersThatAcceptNothing(t *testing.T) {
	in := edge()
	compiled := &in.Node.Spec.DirectorGroups[0].VirtualRouters[0]
	compiled.Addresses = []v1alpha1.IPAddress{"192.0.2.10", "2001:db8::10"}
	open := build(t, in)
	if closed := open.Closed(); len(closed) != 0 {
		t.Errorf("closed: %v", closed)
	}
	compiled.Closed = true
	closed := build(t, in)
	if open.Equal(closed) {
		t.Error("a node that closes its addresses is taken for one that does not")
	}
	want := []netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("2001:db8::10")}
	if got := closed.Closed(); !slices.Equal(got, want) {
		t.Errorf("closed %v, want %v", got, want)
	}
	for _, closed.Groups = range [][]desired.Group{{closed.Groups[0], open.Groups[0]}, {open.Groups[0], closed.Groups[0]}} {
		if got := closed.Closed(); len(got) != 0 {
			t.Errorf("closed although another router accepts them: %v", got)
		}
	}
}

func TestAVirtualMACAddressComesWithALinkOfTheRoutersFamily(t *testing.T) {
	in := edge()
	compiled := &in.Node.Spec.DirectorGroups[0].VirtualRouters[0]
	if node := build(t, in); len(node.Links()) != 0 || node.Groups[0].Routers[0].Carrier() != "eth0" {
		t.Errorf("without one: links %v, addresses on %s", node.Links(), node.Groups[0].Routers[0].Carrier())
	}
	compiled.VirtualMAC = true
	for address, want := range map[v1alpha1.IPAddress]plan.Link{
		"192.0.2.10":   {Name: "lvs4-66-eth0", Parent: "eth0", MAC: vrrp.MAC{0, 0, 0x5e, 0, 1, 66}},
		"2001:db8::10": {Name: "lvs6-66-eth0", Parent: "eth0", MAC: vrrp.MAC{0, 0, 0x5e, 0, 2, 66}},
	} {
		compiled.Addresses = []v1alpha1.IPAddress{address}
		if address != "192.0.2.10" {
			compiled.Version, compiled.Authentication = 3, nil
		}
		node := build(t, in)
		if links := node.Links(); !slices.Equal(links, []plan.Link{want}) || node.Groups[0].Routers[0].Carrier() != want.Name {
			t.Errorf("%s: links %v, addresses on %s", address, links, node.Groups[0].Routers[0].Carrier())
		}
	}
}

func TestServiceByMarkSaysWhichPacketsItTakes(t *testing.T) {
	in := edge()
	in.Node.Spec.DirectorGroups[0].MarkRanges = []v1alpha1.MarkRange{{First: 100, Last: 199}}
	in.ServiceSlices[0].Spec.Services[0] = v1alpha1.CompiledService{
		ID: "web/caches/mark", Family: v1alpha1.FamilyIPv4, Mark: 100, Scheduler: "lblc", ForwardingMethod: v1alpha1.Tunnel,
		Tunnel: &v1alpha1.CompiledTunnel{Type: v1alpha1.TunnelGUE, Port: 6080, Checksum: v1alpha1.ChecksumOuter}, DrainSeconds: 300,
		Match: []v1alpha1.CompiledMatch{{
			Addresses: []v1alpha1.CIDR{"0.0.0.0/0"}, SourceAddresses: []v1alpha1.CIDR{"198.51.100.0/24"}, Protocol: "TCP",
			Ports: []v1alpha1.CompiledPortRange{{First: 80, Last: 90}}, Interface: "eth1",
		}},
		Pool: poolSet("edge-tomcat-0", "edge-tomcat-1"),
	}
	in.RealServerSlices[1].Spec.RealServers[0].Port = 0
	state := build(t, in)
	const table = `-A -f 100 -s lblc
-a -f 100 -r 192.0.2.111:0 -i -w 0 --tun-type gue --tun-port 6080 --tun-csum
-a -f 100 -r 192.0.2.115:0 -i -w 3 --tun-type gue --tun-port 6080 --tun-csum
`
	if diff := cmp.Diff(table, state.table(everyoneHealthy).String()); diff != "" {
		t.Error(diff)
	}
	marks := state.store.Marked()[0].Marks
	if len(marks) != 1 || marks[0].Mark != 100 || marks[0].Interface != "eth1" || marks[0].Ports[0].Last != 90 || len(marks[0].Sources) != 1 {
		t.Errorf("marks %+v", marks)
	}

	in.ServiceSlices[0].Spec.Services[0].Mark = 200
	_, problems := in.build()
	wantProblem(t, problems, v1alpha1.ProblemInvalid, "web/caches/mark", "none of")
}

func TestRealServerOfAnotherFamilyIsReachedByTunnelOnly(t *testing.T) {
	in := edge()
	in.RealServerSlices[0].Spec.RealServers[0] = v1alpha1.CompiledRealServer{Address: "2001:db8::115", Weight: 3}
	state, problems := in.build()
	wantProblem(t, problems, v1alpha1.ProblemInvalid, "web/tomcat/http", "only Tunnel")
	if got := len(state.Services[0].Destinations); got != 1 {
		t.Errorf("%d real servers, want the other one", got)
	}
	in.RealServerSlices[0].Spec.RealServers[0].ForwardingMethod = v1alpha1.Tunnel
	if got := len(build(t, in).Services[0].Destinations); got != 2 {
		t.Errorf("%d real servers by tunnel, want 2", got)
	}
}

func TestSettingsOfOthersThanIPVSAreNotTaken(t *testing.T) {
	in := edge()
	in.Node.Spec.DirectorGroups[0].IPVS = &v1alpha1.CompiledIPVSSettings{UDPTimeoutSeconds: 30, Sysctls: []v1alpha1.Sysctl{
		{Name: "net.ipv4.vs.conn_reuse_mode", Value: "3"}, {Name: "net.ipv4.vs/../../../kernel.core_pattern", Value: "x"},
	}}
	state, problems := in.build()
	wantProblem(t, problems, v1alpha1.ProblemInvalid, "", "not one of net.ipv4.vs")
	want := []plan.Setting{{Name: plan.TimeoutUDP, Value: "30"}, {Name: "net.ipv4.vs.conn_reuse_mode", Value: "3"}}
	if got := state.Settings(); !slices.Equal(got, want) {
		t.Errorf("settings %v, want %v", got, want)
	}
}

// TestAGroupMayHaveSeveralVirtualRouters: each has its own id, priority and addresses, and they stay apart.
func TestAGroupMayHaveSeveralVirtualRouters(t *testing.T) {
	in := edge()
	second, third := router(1, "192.0.2.11", "2001:db8::11"), router(2)
	second.Priority = 96
	in.Node.Spec.DirectorGroups[0].VirtualRouters = append(in.Node.Spec.DirectorGroups[0].VirtualRouters, second, third)
	got := map[uint8][]string{}
	for _, r := range build(t, in).Groups[0].Routers {
		said := []string{fmt.Sprint("priority ", r.Config.Priority)}
		for _, address := range r.Addresses() {
			said = append(said, address.String())
		}
		got[r.Config.VRID] = said
	}
	want := map[uint8][]string{
		1:  {"priority 96", "192.0.2.11", "2001:db8::11"},
		66: {"priority 100", "192.0.2.10", "192.0.2.200"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAnAddressMovesToAnotherVirtualRouterOfItsGroup, as when a group gets one virtual router more.
func TestAnAddressMovesToAnotherVirtualRouterOfItsGroup(t *testing.T) {
	before := build(t, edge())
	in := edge()
	in.Previous = before
	routers := &in.Node.Spec.DirectorGroups[0].VirtualRouters
	(*routers)[0].Addresses = []v1alpha1.IPAddress{"192.0.2.10"}
	*routers = append(*routers, router(67, "192.0.2.200"))
	state := build(t, in)
	for i, want := range []string{"192.0.2.10", "192.0.2.200"} {
		if got := state.Groups[0].Routers[i].Addresses(); len(got) != 1 || got[0].String() != want {
			t.Errorf("virtual router %d has %v, want %s", i, got, want)
		}
	}
	if !slices.EqualFunc(state.Services, before.Services, (*desired.Service).Equal) {
		t.Error("the services changed with it")
	}
}
