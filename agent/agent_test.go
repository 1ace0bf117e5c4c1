// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint"
	"github.com/lvs-operator/lvs-operator/agent/connections"
	"github.com/lvs-operator/lvs-operator/agent/connections/exchange"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor/monitortest"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/agent/vrrp/vrrpnet"
	"github.com/lvs-operator/lvs-operator/agent/watch"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// node is an agent among stand-ins for everything outside of it: its kernel in memory, the API server's view, the real
// servers, and the virtual router's thread.
type node struct {
	*Agent
	kernel  *kerneltest.Kernel
	store   *checkpoint.Store
	api     *fakeAPI
	servers *fakeServers
	started []*fakeRouter
	// exchange is that of connection sync; nil: there is none.
	exchange *fakeExchange
	// mayExchange is the error of each opening of an exchange, and mayStart that of each start of a router.
	mayExchange, mayStart error
}

// world is all that the API server says to one node.
type world struct {
	Node        *v1alpha1.NodeState
	Services    []v1alpha1.ServiceSlice
	RealServers []v1alpha1.RealServerSlice
	Passwords   map[string]string
}

type fakeAPI struct {
	view, told world
	changed    bool
	complete   bool
	status     Status
	reports    int
}

func (f *fakeAPI) Connected() bool { return f.complete }

func (f *fakeAPI) Changes(context.Context) (watch.Changes, bool) {
	if !f.complete {
		return watch.Changes{}, false
	}
	changes := watch.Changes{Node: f.view.Node, Passwords: f.view.Passwords}
	if f.changed {
		changes.NodeChanged = true
		changes.Services, changes.RealServers = map[string]*v1alpha1.ServiceSlice{}, map[string]*v1alpha1.RealServerSlice{}
		for _, slice := range f.told.Services {
			changes.Services[slice.Name] = nil
		}
		for _, slice := range f.told.RealServers {
			changes.RealServers[slice.Name] = nil
		}
		for i := range f.view.Services {
			changes.Services[f.view.Services[i].Name] = &f.view.Services[i]
		}
		for i := range f.view.RealServers {
			changes.RealServers[f.view.RealServers[i].Name] = &f.view.RealServers[i]
		}
		f.told, f.changed = f.view, false
	}
	return changes, true
}

func (f *fakeAPI) Set(status Status) {
	f.status = status
	f.reports++
}

func (f *fakeAPI) Forget() {}

func (f *fakeAPI) say(view world) {
	f.view, f.complete, f.changed = view, true, true
}

// memoryKernel is a kernel in memory as Kernel.
type memoryKernel struct{ *kerneltest.Kernel }

func (k memoryKernel) List() Listing { return k.Kernel.List() }

// fakeExchange is connection sync with other directors.
type fakeExchange struct {
	master ipvs.Daemon
	// answers end a question.
	answers chan error
	asked   []netip.Addr
	told    []string
	toldAll []string
	ended   atomic.Bool
}

func (f *fakeExchange) Run(ctx context.Context) {
	<-ctx.Done()
	f.ended.Store(true)
}

func (f *fakeExchange) CatchUp(ctx context.Context, active func() []netip.Addr) (int, error) {
	f.asked = active()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case err := <-f.answers:
		return 100, err
	}
}

func (f *fakeExchange) TellAll(_ context.Context, tells exchange.Choice) (int, error) {
	f.toldAll = append(f.toldAll, f.choose(tells))
	return 100, nil
}

func (f *fakeExchange) Tell(ctx context.Context, period time.Duration, tells exchange.Choice) error {
	f.told = append(f.told, period.String()+f.choose(tells))
	select {
	case <-ctx.Done():
	case <-time.After(period):
	}
	return nil
}

// choose says which connections are told of: of the virtual IP, with one that others told of, and of somebody else's.
func (f *fakeExchange) choose(tells exchange.Choice) (chosen string) {
	vip, foreign := netip.MustParseAddrPort("198.51.100.10:8080"), netip.MustParseAddrPort("203.0.113.9:80")
	if tells(connections.Connection{Virtual: vip}, connections.Details{}) {
		chosen += " own"
	}
	if tells(connections.Connection{Virtual: vip, Synced: true}, connections.Details{}) {
		chosen += " synced"
	}
	if tells(connections.Connection{Virtual: foreign}, connections.Details{}) {
		chosen += " foreign"
	}
	return chosen
}

// fakeServers are real servers, by address; those listed are dead.
type fakeServers struct {
	mu   sync.Mutex
	dead map[netip.AddrPort]bool
	// slow is how long a check takes, by address, and weights what answers give.
	slow    map[netip.AddrPort]time.Duration
	weights map[netip.AddrPort]check.Weight
	// over is closed at the end of the test, and ends all checks.
	over <-chan struct{}
}

func (f *fakeServers) Probe(_ context.Context, t health.Target) (check.Weight, error) {
	f.mu.Lock()
	slow := f.slow[t.Address]
	f.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-f.over:
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead[t.Address] {
		return check.Weight{}, errors.New("connection refused")
	}
	return f.weights[t.Address], nil
}

// weigh sets the weight that the first real server gives itself.
func (f *fakeServers) weigh(weight check.Weight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.weights[netip.MustParseAddrPort(firstDead)] = weight
}

func (f *fakeServers) set(address string, dead bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead[netip.MustParseAddrPort(address)] = dead
}

// takes sets how long the check of a real server takes.
func (f *fakeServers) takes(address string, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slow[netip.MustParseAddrPort(address)] = d
}

// fakeRouter is a virtual router whose elections the test decides.
type fakeRouter struct {
	events RouterEvents

	// mu is held where goroutines of the agent look, or the test changes what they look at. Otherwise synctest.Wait sees to the order.
	mu        sync.Mutex
	config    vrrp.Config
	resumed   bool
	state     vrrp.State
	fault     error
	announced int
	// atOnce is how many addresses the last transition brought in the router's own thread.
	atOnce  int
	stopped bool
	peers   []vrrpnet.Peer
	stats   vrrpnet.Stats
	// predecessor is the Active director before this one, and silent the same if it gave no word.
	predecessor, silent netip.Addr
	// alone makes Stop fail, as when no other director takes over; stopTakes is how long it waits for one.
	alone     bool
	stopTakes time.Duration
	// standing, if set, is another one than the state's.
	standing   vrrp.Standing
	watcher    func()
	yields     int
	standsBack bool
}

// change changes what the agent may be looking at.
func (f *fakeRouter) change(what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what()
}

// of reads what the test may be changing.
func of[T any](f *fakeRouter, what *T) T {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *what
}

func (f *fakeRouter) State() vrrp.State     { return of(f, &f.state) }
func (f *fakeRouter) Fault() error          { return of(f, &f.fault) }
func (f *fakeRouter) Source() netip.Addr    { return netip.MustParseAddr("198.51.100.1") }
func (f *fakeRouter) Peers() []vrrpnet.Peer { return of(f, &f.peers) }
func (f *fakeRouter) Successor() netip.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.stopped || f.alone {
		return netip.Addr{}
	}
	return f.stats.ActiveSource
}

func (f *fakeRouter) Predecessor() (source netip.Addr, alive bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silent.IsValid() {
		return f.silent, false
	}
	return f.predecessor, f.predecessor.IsValid()
}
func (f *fakeRouter) Stats() vrrpnet.Stats  { return of(f, &f.stats) }
func (f *fakeRouter) Announce([]netip.Addr) { f.change(func() { f.announced++ }) }

func (f *fakeRouter) Reconfigure(config vrrp.Config) error {
	f.change(func() { f.config = config })
	return nil
}

func (f *fakeRouter) Stop(context.Context) error {
	f.change(func() { f.stopped = true })
	time.Sleep(f.stopTakes)
	if f.alone {
		return errors.New("no other director has become Active")
	}
	f.change(func() { f.state = vrrp.Initialize })
	f.stand(vrrp.Absent)
	return nil
}

func (f *fakeRouter) become(state vrrp.State) {
	f.stand(vrrp.Absent)
	f.change(func() {
		f.state = state
		if state == vrrp.Active {
			f.stats.Activations++
		}
	})
	f.hear(state)
}

// follow makes another director the Active one.
func (f *fakeRouter) follow(active netip.Addr) { f.change(func() { f.stats.ActiveSource = active }) }

// hear tells of a new state, and announces what is there.
func (f *fakeRouter) hear(state vrrp.State) {
	there := len(f.events.Transition(state))
	f.change(func() {
		if f.atOnce = there; there > 0 {
			f.announced++
		}
	})
}

// stand makes the router stand so; Absent: as its state says.
func (f *fakeRouter) stand(standing vrrp.Standing) {
	f.change(func() { f.standing = standing })
	if watcher := of(f, &f.watcher); watcher != nil {
		watcher()
	}
}

func (f *fakeRouter) Standing() vrrp.Standing {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.standing != vrrp.Absent:
		return f.standing
	case f.state == vrrp.Active:
		return vrrp.Holding
	case f.state == vrrp.Initialize:
		return vrrp.Faulty
	}
	return vrrp.Following
}

func (f *fakeRouter) Watch(watcher func()) { f.change(func() { f.watcher = watcher }) }
func (f *fakeRouter) StandBack(back bool)  { f.change(func() { f.standsBack = back }) }

// Yield offers the role; another director takes it when the test says so.
func (f *fakeRouter) Yield() {
	if f.Standing() == vrrp.Holding {
		f.change(func() { f.yields++ })
		f.stand(vrrp.Waiting)
	}
}

func (f *fakeRouter) Claim() {
	state := f.State()
	if state == vrrp.Backup || f.Standing() != vrrp.Holding && state == vrrp.Active {
		f.change(func() { f.state = vrrp.Active })
		f.stand(vrrp.Absent)
		if state != vrrp.Active {
			f.hear(vrrp.Active)
		}
	}
}

// newNode starts an agent on a kernel and a state directory that may have a history.
func newNode(t *testing.T, k *kerneltest.Kernel, dir string) *node {
	t.Helper()
	store, saved, recalled := checkpoint.Open(dir)
	if store == nil {
		t.Fatal(recalled)
	}
	t.Cleanup(func() { _ = store.Close() })
	n := &node{kernel: k, store: store, api: &fakeAPI{}, servers: &fakeServers{
		dead: map[netip.AddrPort]bool{}, slow: map[netip.AddrPort]time.Duration{}, weights: map[netip.AddrPort]check.Weight{}, over: t.Context().Done(),
	}}
	a := &Agent{
		log: slog.New(slog.DiscardHandler), metrics: newMetrics(), resync: defaultResync, wake: make(chan struct{}, 1),
		kernel: memoryKernel{k}, views: n.api, reports: n.api, checkpoints: store,
		holds: newHolder(holder{kernel: k, log: slog.New(slog.DiscardHandler)}), memory: newMemory(),
	}
	a.health = monitor.New(monitor.Options{Prober: monitortest.NewWeighing(n.servers.Probe), OnChange: a.kick})
	t.Cleanup(a.health.Close)
	taking := newTakeover(takeover{kernel: k, log: a.log, kick: a.kickNode})
	a.routers = newRouters(func(_ string, config vrrp.Config, resume bool, events RouterEvents) (VirtualRouter, error) {
		if n.mayStart != nil {
			return nil, n.mayStart
		}
		r := &fakeRouter{config: config, resumed: resume, state: vrrp.Backup, events: events}
		if resume {
			r.state = vrrp.Active
		}
		n.started = append(n.started, r)
		return r, nil
	}, a.kickNode, taking, a.log)
	go a.routers.together.run(t.Context())
	a.sync = newConnectionSync(a.routers, a.kickNode, func(master ipvs.Daemon) (exchanger, error) {
		if n.mayExchange != nil {
			return nil, n.mayExchange
		}
		n.exchange = &fakeExchange{master: master, answers: make(chan error, 1)}
		return n.exchange, nil
	}, a.log)
	taking.tell = a.sync.tell
	go taking.run(t.Context())
	a.recall(saved, recalled)
	go a.holds.run(t.Context())
	n.Agent = a
	return n
}

// settle lets the agent take every pass that it wants to take now.
func (n *node) settle(t *testing.T) {
	t.Helper()
	n.kick()
	for range 20 {
		synctest.Wait()
		select {
		case <-n.wake:
			n.pass(t.Context(), time.Now())
			n.reportWhenDue(time.Now())
		default:
			return
		}
	}
	t.Fatal("the agent wants to take pass after pass")
}

// later lets time go by, with a pass whenever the agent wants one and every five seconds.
func (n *node) later(t *testing.T, d time.Duration) {
	t.Helper()
	for step := time.Second; d > 0; d -= step {
		time.Sleep(min(d, step))
		n.settle(t)
	}
}

func (n *node) operations() string {
	var lines []string
	for _, o := range n.kernel.TakeApplied() {
		lines = append(lines, o.String())
	}
	return strings.Join(lines, "\n")
}

const password = "hunter2"

// view is a director's: one service with two real servers, and one virtual router.
func view(weights ...int32) world {
	slice := v1alpha1.RealServerSlice{
		ObjectMeta: metav1.ObjectMeta{Name: "edge-rs-0", Generation: 1},
		Spec: v1alpha1.RealServerSliceSpec{
			DirectorGroup: "edge", Pool: v1alpha1.PoolReference{Namespace: "web", Name: "tomcat"},
			HealthCheck: &v1alpha1.CompiledHealthCheck{
				Interval: metav1.Duration{Duration: 6 * time.Second}, Timeout: metav1.Duration{Duration: 10 * time.Second},
				Retries: 3, RetryDelay: metav1.Duration{Duration: 3 * time.Second}, TCP: &v1alpha1.TCPCheck{},
			},
		},
	}
	for i, weight := range weights {
		slice.Spec.RealServers = append(slice.Spec.RealServers, v1alpha1.CompiledRealServer{
			Address: v1alpha1.IPAddress(netip.AddrFrom4([4]byte{192, 0, 2, byte(11 + i)}).String()), Weight: weight,
		})
	}
	return world{
		Node: &v1alpha1.NodeState{
			ObjectMeta: metav1.ObjectMeta{Name: "master", Generation: 7},
			Spec: v1alpha1.NodeStateSpec{DirectorGroups: []v1alpha1.NodeDirectorGroup{{
				Name: "edge", AddressPools: []v1alpha1.CIDR{"198.51.100.0/24"},
				IPVS: &v1alpha1.CompiledIPVSSettings{Sysctls: []v1alpha1.Sysctl{
					{Name: "net.ipv4.vs.conn_reuse_mode", Value: "3"}, {Name: "net.ipv4.vs.expire_nodest_conn", Value: "1"},
				}},
				VirtualRouters: []v1alpha1.VirtualRouter{{
					VirtualRouterID: 66, Interface: "eth0", Version: 2, Priority: 100, Preempt: true,
					AdvertisementInterval: metav1.Duration{Duration: time.Second},
					Authentication:        &v1alpha1.VRRPAuthentication{Type: "Password", SecretRef: v1alpha1.SecretReference{Name: "edge-vrrp"}},
					Addresses:             []v1alpha1.IPAddress{"198.51.100.10"},
				}},
			}}},
		},
		Services: []v1alpha1.ServiceSlice{{
			ObjectMeta: metav1.ObjectMeta{Name: "edge-svc-0", Generation: 3},
			Spec: v1alpha1.ServiceSliceSpec{DirectorGroup: "edge", Services: []v1alpha1.CompiledService{{
				ID: "web/tomcat/http", Generation: 1, Address: "198.51.100.10", Port: 8080, Protocol: v1alpha1.ProtocolTCP,
				Scheduler: "wrr", ForwardingMethod: v1alpha1.DirectRouting,
				Pool: v1alpha1.PoolSet{Namespace: "web", Name: "tomcat", Slices: 1, Hash: v1alpha1.SetHash([]string{"edge-rs-0"})},
			}}},
		}},
		RealServers: []v1alpha1.RealServerSlice{slice},
		Passwords:   map[string]string{"edge-vrrp": password},
	}
}

const (
	settings = "sysctl -w net.ipv4.vs.conn_reuse_mode=3\nsysctl -w net.ipv4.vs.expire_nodest_conn=1"
	added    = "ipvsadm -A -t 198.51.100.10:8080 -s wrr"
)

const inService = settings + `
ipvsadm -A -t 198.51.100.10:8080 -s wrr
ipvsadm -a -t 198.51.100.10:8080 -r 192.0.2.11:8080 -g -w 3
ipvsadm -a -t 198.51.100.10:8080 -r 192.0.2.12:8080 -g -w 3`

var vipPrefix = netip.MustParsePrefix("198.51.100.10/32")

const vipUp = "ip address add 198.51.100.10/32 dev eth0 proto 76 label eth0:lvs"

// active is a director that serves.
func active(t *testing.T) *node {
	t.Helper()
	n := newNode(t, kerneltest.New("eth0"), t.TempDir())
	n.api.say(view(3, 3))
	n.settle(t)
	n.started[0].become(vrrp.Active)
	n.settle(t)
	n.kernel.TakeApplied()
	return n
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}

func TestBringUpIsServiceThenCheckedRealServersThenElectionThenAddressThenARP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.servers.set("192.0.2.12:8080", true)
		n.servers.takes("192.0.2.11:8080", time.Second)
		n.servers.takes("192.0.2.12:8080", time.Second)
		n.api.say(view(3, 3))
		n.settle(t)
		expect(t, "before the first check", n.operations(), settings+"\n"+added)
		if len(n.started) != 0 {
			t.Fatal("VRRP may win before the real servers were checked")
		}
		n.later(t, 2*time.Second)
		expect(t, "after the first checks", n.operations(), "ipvsadm -a -t 198.51.100.10:8080 -r 192.0.2.11:8080 -g -w 3")
		if len(n.started) != 1 || n.started[0].resumed {
			t.Fatalf("%d routers started, want one, as Backup", len(n.started))
		}
		n.started[0].become(vrrp.Active)
		n.settle(t)
		expect(t, "as Active", n.operations(), vipUp)
		if n.started[0].announced != 1 {
			t.Errorf("the address was announced %d times, want once", n.started[0].announced)
		}
	})
}

func TestAnAgentThatIsKilledAndStartedAgainChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		before := newNode(t, k, dir)
		before.api.say(view(3, 3))
		before.settle(t)
		before.started[0].become(vrrp.Active)
		before.settle(t)
		k.TakeApplied()

		after := newNode(t, k, dir)
		after.settle(t)
		if len(after.started) != 1 || !after.started[0].resumed {
			t.Fatal("the virtual router whose addresses are there did not resume")
		}
		after.api.say(view(3, 3))
		after.later(t, time.Minute)
		expect(t, "operations of the agent that was started again", after.operations(), "")
	})
}

func TestWithNoAPIServerTheAgentServesFromItsCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		before := newNode(t, kerneltest.New("eth0"), dir)
		before.api.say(view(3, 3))
		before.settle(t)

		rebooted := newNode(t, kerneltest.New("eth0"), dir)
		rebooted.settle(t)
		expect(t, "operations after a reboot", rebooted.operations(), inService)
		if len(rebooted.started) != 1 || rebooted.started[0].config.Password != vrrp.NewPassword(password) {
			t.Error("the virtual router does not run with its password")
		}
		if rebooted.api.reports != 0 {
			t.Error("a status was reported for a generation that this agent has not seen")
		}
	})
}

func TestWithoutACompleteViewNothingIsTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.api.say(world{})
		n.api.complete = false
		n.later(t, time.Minute)
		expect(t, "operations", n.operations(), "")
	})
}

func TestADeadRealServerIsRemovedAndComesBackByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.servers.set("192.0.2.12:8080", true)
		n.later(t, 6*time.Second+3*3*time.Second+time.Second)
		expect(t, "after the check and its retries", n.operations(), "ipvsadm -d -t 198.51.100.10:8080 -r 192.0.2.12:8080")
		if d := n.api.status.DirectorGroups[0].Degraded; len(d) != 1 || d[0].Healthy != 1 || d[0].RealServers != 2 {
			t.Errorf("degraded: %+v, want 1 of 2", d)
		}
		n.servers.set("192.0.2.12:8080", false)
		n.later(t, 7*time.Second)
		expect(t, "after it came back", n.operations(), "ipvsadm -a -t 198.51.100.10:8080 -r 192.0.2.12:8080 -g -w 3")
	})
}

func TestAWeightIsOneOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.api.say(view(3, 1))
		n.settle(t)
		expect(t, "operations", n.operations(), "ipvsadm -e -t 198.51.100.10:8080 -r 192.0.2.12:8080 -g -w 1")
	})
}

func TestWhatSomebodyElseChangesIsPutBackAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.later(t, time.Second)
		n.kernel.Apply(t.Context(), []plan.Operation{&plan.DeleteAddress{Interface: "eth0", Prefix: vipPrefix}})
		n.kernel.TakeApplied()
		n.kickNode() // the kernel tells that an address changed
		n.settle(t)
		expect(t, "operations", n.operations(), vipUp)
		if got := counter(t, n, "lvs_agent_drift_repairs_total"); got != 1 {
			t.Errorf("%v repairs counted, want 1", got)
		}
	})
}

func TestADirectorThatYieldsLetsTheAddressGoAfterAMomentAndKeepsTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.started[0].become(vrrp.Backup)
		n.settle(t)
		time.Sleep(yieldGrace - time.Millisecond)
		n.settle(t)
		expect(t, "while the other takes over", n.operations(), "")
		time.Sleep(time.Millisecond)
		n.settle(t)
		expect(t, "after it", n.operations(), "ip address del 198.51.100.10/32 dev eth0")
	})
}

func TestADirectorThatIsActiveAgainAtOnceKeepsTheAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.started[0].become(vrrp.Backup)
		n.settle(t)
		n.started[0].become(vrrp.Active)
		n.settle(t)
		n.later(t, 2*yieldGrace)
		expect(t, "operations, of which the kernel has the address already", n.operations(), vipUp)
		if n.started[0].announced != 2 {
			t.Errorf("the address was announced %d times, want twice", n.started[0].announced)
		}
	})
}

func TestADirectorWithAFaultLetsTheAddressGoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.started[0].become(vrrp.Initialize)
		n.settle(t)
		expect(t, "operations", n.operations(), "ip address del 198.51.100.10/32 dev eth0")
	})
}

func TestWhoElseAdvertisesWithTheRoutersIDIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.started[0].peers = []vrrpnet.Peer{
			{Source: netip.MustParseAddr("198.51.100.2"), Priority: 99},
			{Source: netip.MustParseAddr("198.51.100.9"), Discarded: vrrp.ErrAuthentication},
		}
		n.later(t, defaultResync)
		reported := n.api.status.DirectorGroups[0].VirtualRouters[0]
		want := []v1alpha1.VRRPPeer{{Address: "198.51.100.2", Priority: 99}, {Address: "198.51.100.9", Discarded: "authentication"}}
		if reported.Source != "198.51.100.1" || !slices.Equal(reported.Peers, want) {
			t.Errorf("source %s, peers %+v", reported.Source, reported.Peers)
		}
	})
}

func TestAPlannedStopHandsTheAddressOverAndFlushesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		if err := n.handOver(); err != nil {
			t.Fatal(err)
		}
		expect(t, "operations", n.operations(), "ip address del 198.51.100.10/32 dev eth0")
		if !n.started[0].stopped {
			t.Error("the virtual router did not resign")
		}
		if state := n.api.status.DirectorGroups[0].VirtualRouters[0].State; state != v1alpha1.VRRPInitialize {
			t.Errorf("the last report says %s, want %s", state, v1alpha1.VRRPInitialize)
		}
	})
}

func TestAPlannedStopOfTheOnlyDirectorKeepsTheAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.started[0].alone = true
		if err := n.handOver(); err != nil {
			t.Fatal(err)
		}
		expect(t, "operations", n.operations(), "")
	})
}

func TestANodeThatLeavesItsGroupTakesItsServicesWithItAndNoForeignOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		nothing := view()
		nothing.Node.Spec, nothing.Services, nothing.RealServers = v1alpha1.NodeStateSpec{}, nil, nil
		n.api.say(nothing)
		n.settle(t)
		expect(t, "operations", n.operations(), "ip address del 198.51.100.10/32 dev eth0\nipvsadm -D -t 198.51.100.10:8080\nsysctl -w net.ipv4.vs.conn_reuse_mode=0\nsysctl -w net.ipv4.vs.expire_nodest_conn=0")
		if !n.started[0].stopped {
			t.Error("the virtual router did not resign")
		}
	})
}

func TestAServiceThatTheKernelRefusesIsAProblemWithItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.kernel.Refuse(kerneltest.Every[*plan.AddService](errors.New("load the module ip_vs_wrr")))
		n.api.say(view(3, 3))
		n.later(t, 5*time.Second)
		if len(n.started) != 0 {
			t.Error("VRRP may win on a director that has no service in its kernel")
		}
		problems := n.api.status.Problems
		if !slices.ContainsFunc(problems, func(p v1alpha1.Problem) bool {
			return p.Service == "web/tomcat/http" && strings.Contains(p.Message, "ip_vs_wrr")
		}) {
			t.Errorf("problems: %+v", problems)
		}
		n.kernel.Refuse(nil)
		n.later(t, 5*time.Second)
		if len(n.api.status.Problems) != 0 || len(n.started) != 1 {
			t.Errorf("after the module was loaded: %d routers run, problems %+v", len(n.started), n.api.status.Problems)
		}
	})
}

func TestARouterThatCannotRunIsAProblemOfItsGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.mayStart = errors.New("CAP_NET_RAW is missing")
		n.api.say(view(3, 3))
		n.later(t, 2*time.Second)
		problems := n.api.status.Problems
		if len(problems) != 1 || problems[0].Reason != v1alpha1.ProblemVRRP || problems[0].DirectorGroup != "edge" {
			t.Errorf("problems: %+v", problems)
		}
		n.mayStart = nil
		n.later(t, 6*time.Second)
		if len(n.started) != 1 {
			t.Error("the router was not tried again")
		}
	})
}

func TestThePasswordIsInNoReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		status, err := json.Marshal(n.api.status)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(status), password) {
			t.Errorf("the status holds the password: %s", status)
		}
	})
}

func counter(t *testing.T, n *node, name string) float64 {
	t.Helper()
	families, err := n.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestAServiceThatSomebodyElseChangesIsPutBackAndCountedByTheAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		key := ipvs.ServiceKey{Address: vipPrefix.Addr(), Port: 8080, Protocol: ipvs.TCP}
		weightless := ipvs.Destination{Address: netip.MustParseAddr("192.0.2.11"), Port: 8080, Method: ipvs.DirectRoute}
		added := ipvs.Destination{Address: netip.MustParseAddr("192.0.2.99"), Port: 8080, Weight: 1, Method: ipvs.DirectRoute}
		foreign := ipvs.Service{Key: ipvs.ServiceKey{Address: netip.MustParseAddr("203.0.113.1"), Port: 80, Protocol: ipvs.TCP}, Scheduler: "rr"}
		surplus := ipvs.Service{Key: ipvs.ServiceKey{Address: vipPrefix.Addr(), Port: 81, Protocol: ipvs.TCP}, Scheduler: "rr"}
		n.kernel.Apply(t.Context(), []plan.Operation{
			&plan.UpdateDestination{Service: key, Destination: weightless}, &plan.AddDestination{Service: key, Destination: added},
			&plan.AddService{Service: foreign}, &plan.AddService{Service: surplus},
		})
		n.kernel.TakeApplied()
		n.later(t, 6*time.Second)
		expect(t, "operations", n.operations(), `ipvsadm -e -t 198.51.100.10:8080 -r 192.0.2.11:8080 -g -w 3
ipvsadm -D -t 198.51.100.10:81
ipvsadm -d -t 198.51.100.10:8080 -r 192.0.2.99:8080`)
		if got := counter(t, n, "lvs_agent_drift_repairs_total"); got != 3 {
			t.Errorf("%v repairs counted, want 3", got)
		}

		n.kernel.Apply(t.Context(), []plan.Operation{&plan.DeleteService{Service: key}})
		n.kernel.TakeApplied()
		n.later(t, 6*time.Second)
		expect(t, "after the service was deleted", n.operations(), strings.TrimPrefix(inService, settings+"\n"))
	})
}

func TestARemovedRealServerDrainsAlsoOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		n := newNode(t, k, dir)
		draining := func(weights ...int32) world {
			w := view(weights...)
			w.Services[0].Spec.Services[0].DrainSeconds = 300
			return w
		}
		n.api.say(draining(3, 3))
		n.settle(t)
		key := ipvs.ServiceKey{Address: vipPrefix.Addr(), Port: 8080, Protocol: ipvs.TCP}
		leaving := netip.MustParseAddrPort("192.0.2.12:8080")
		k.SetConnections(key, leaving, ipvs.Connections{Active: 1})
		k.TakeApplied()

		n.api.say(draining(3))
		n.later(t, time.Minute)
		expect(t, "after it was removed", n.operations(), "ipvsadm -e -t 198.51.100.10:8080 -r 192.0.2.12:8080 -g -w 0")

		again := newNode(t, k, dir)
		again.settle(t)
		again.api.say(draining(3))
		again.later(t, time.Minute)
		expect(t, "after a restart of the agent", again.operations(), "")
		again.api.say(draining(3, 3))
		again.later(t, 10*time.Second)
		expect(t, "when it comes back", again.operations(), "ipvsadm -e -t 198.51.100.10:8080 -r 192.0.2.12:8080 -g -w 3")

		again.api.say(draining(3))
		again.later(t, 10*time.Second)
		k.SetConnections(key, leaving, ipvs.Connections{})
		again.later(t, 10*time.Second)
		expect(t, "when its last connection ends", again.operations(),
			"ipvsadm -e -t 198.51.100.10:8080 -r 192.0.2.12:8080 -g -w 0\nipvsadm -d -t 198.51.100.10:8080 -r 192.0.2.12:8080")
	})
}
