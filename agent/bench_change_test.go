// SPDX-License-Identifier: Apache-2.0

//go:build bench

package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/health/probe"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp/vrrpnet"
	"github.com/lvs-operator/lvs-operator/agent/watch"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// director is an agent on the real kernel; only the API server is a stand-in.
type director struct {
	*Agent
	api    *benchAPI
	kernel *countingKernel
}

// benchAPI tells changes, and swallows reports.
type benchAPI struct {
	changes watch.Changes
	reports int
}

func (b *benchAPI) Connected() bool { return true }
func (b *benchAPI) Set(Status)      { b.reports++ }
func (b *benchAPI) Forget()         {}

func (b *benchAPI) Changes(context.Context) (watch.Changes, bool) {
	changes := b.changes
	b.changes = watch.Changes{Node: changes.Node, Passwords: changes.Passwords}
	return changes, true
}

// countingKernel counts the operations that it passes on.
type countingKernel struct {
	liveKernel
	operations int
}

func (c *countingKernel) Apply(ctx context.Context, operations []plan.Operation) []kernel.Failure {
	c.operations += len(operations)
	return c.liveKernel.Apply(ctx, operations)
}

// newDirector is a director whose kernel has the whole table, brought there by the agent itself.
func newDirector(t *testing.T, size benchTable) *director {
	t.Helper()
	k, err := kernel.Open(kernel.ProcSys)
	fail(t, err)
	t.Cleanup(k.Close)
	store, _, err := checkpoint.Open(t.TempDir())
	if store == nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fail(t, store.Close()) })
	d := &director{api: &benchAPI{}, kernel: &countingKernel{liveKernel: liveKernel{k}}}
	d.Agent = &Agent{
		log: slog.New(slog.DiscardHandler), metrics: newMetrics(), resync: time.Hour, wake: make(chan struct{}, 1),
		kernel: d.kernel, views: d.api, reports: d.api, checkpoints: store, memory: newMemory(),
		holds: newHolder(holder{kernel: k, log: slog.New(slog.DiscardHandler)}),
	}
	prober, err := probe.New()
	fail(t, err)
	t.Cleanup(prober.Close)
	d.health = monitor.New(monitor.Options{Prober: prober, OnChange: d.kick})
	t.Cleanup(d.health.Close)
	taking := newTakeover(takeover{kernel: k, log: d.log, kick: d.kickNode})
	d.routers = newRouters(startRouter(vrrpnet.NewThreads(nil)), d.kickNode, taking, d.log)
	d.sync = newConnectionSync(d.routers, d.kickNode, openExchange(k, d.routers, d.log), d.log)
	d.api.changes = size.world(t)
	for !d.tableRead || d.ledger.Due() {
		d.pass(t.Context(), time.Now())
	}
	d.report()
	if problems := d.problems(); len(problems) > 0 {
		t.Fatalf("%d problems, the first: %+v", len(problems), problems[0])
	}
	return d
}

// world is what the API server says of the table: a pool of its own for each service.
func (b benchTable) world(t *testing.T) watch.Changes {
	t.Helper()
	changes := watch.Changes{
		NodeChanged: true, Services: map[string]*v1alpha1.ServiceSlice{}, RealServers: map[string]*v1alpha1.RealServerSlice{},
		Node: &v1alpha1.NodeState{ObjectMeta: metav1.ObjectMeta{Name: "director", UID: "1", Generation: 1}, Spec: v1alpha1.NodeStateSpec{
			DirectorGroups: []v1alpha1.NodeDirectorGroup{{Name: "edge", AddressPools: []v1alpha1.CIDR{"198.18.0.0/15"}}},
		}},
	}
	for i := range b.services {
		name := fmt.Sprintf("edge-svc-%d", i/v1alpha1.MaxServicesPerSlice)
		slice := changes.Services[name]
		if slice == nil {
			slice = &v1alpha1.ServiceSlice{ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1}}
			slice.Spec.DirectorGroup = "edge"
			changes.Services[name] = slice
		}
		realServers := b.realServerSlice(i, 3)
		slice.Spec.Services = append(slice.Spec.Services, v1alpha1.CompiledService{
			ID: fmt.Sprintf("web/service-%d/http", i), Generation: 1, Family: v1alpha1.FamilyIPv4, Address: v1alpha1.IPAddress(b.vip(i).String()),
			Port: 80, Protocol: v1alpha1.ProtocolTCP, Scheduler: "wrr", ForwardingMethod: v1alpha1.DirectRouting, DrainSeconds: 300,
			Pool: v1alpha1.PoolSet{Namespace: "web", Name: realServers.Spec.Pool.Name, Slices: 1, Hash: v1alpha1.SetHash([]string{realServers.Name})},
		})
		changes.RealServers[realServers.Name] = realServers
	}
	return changes
}

// realServerSlice is the pool of the i-th service, as an informer would hold it: read from JSON, so that it shares no strings
// with others.
func (b benchTable) realServerSlice(i int, weight int32) *v1alpha1.RealServerSlice {
	made := v1alpha1.RealServerSlice{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("edge-pool-%d-0", i), Generation: 1}}
	made.Spec.DirectorGroup = "edge"
	made.Spec.Pool = v1alpha1.PoolReference{Namespace: "web", Name: fmt.Sprintf("pool-%d", i)}
	for j := range b.realServers {
		one := v1alpha1.CompiledRealServer{Address: v1alpha1.IPAddress(b.rip(i, j).String()), Weight: 3}
		if j == 0 {
			one.Weight = weight
		}
		made.Spec.RealServers = append(made.Spec.RealServers, one)
	}
	text, err := json.Marshal(made)
	if err != nil {
		panic(err)
	}
	read := &v1alpha1.RealServerSlice{}
	if err := json.Unmarshal(text, read); err != nil {
		panic(err)
	}
	return read
}

// benchChange measures a pass of the whole agent after one weight changed, from the news of the API server to the read-back
// from the kernel, in a small and in a large table, and returns how much longer it takes in the large one.
func benchChange(t *testing.T) float64 {
	t.Helper()
	sizes := []benchTable{{services: 10, realServers: 10}, {services: 10000, realServers: 10}}
	medians := make([]time.Duration, len(sizes))
	fmt.Printf("\nOne weight changed\n")
	for i, size := range sizes {
		t.Run(size.String(), func(t *testing.T) {
			inNamespace(t)
			medians[i] = medianChange(t, newDirector(t, size), size)
		})
		if t.Failed() {
			t.FailNow()
		}
		fmt.Printf("  %-38s median %8.3f ms, one message each\n", "in "+size.String(), float64(medians[i].Microseconds())/1000)
	}
	return ratio(medians[1], medians[0])
}

func medianChange(t *testing.T, d *director, size benchTable) time.Duration {
	t.Helper()
	const changes = 301
	times := make([]time.Duration, 0, changes)
	for n := range changes {
		slice := size.realServerSlice(n%size.services, int32(10+n))
		slice.Generation = int64(n + 2)
		d.api.changes.RealServers = map[string]*v1alpha1.RealServerSlice{slice.Name: slice}
		before := d.kernel.operations
		began := time.Now()
		d.pass(t.Context(), began)
		times = append(times, time.Since(began))
		if done := d.kernel.operations - before; done != 1 {
			t.Fatalf("change %d took %d operations, want 1", n, done)
		}
	}
	slices.Sort(times)
	return times[changes/2]
}
