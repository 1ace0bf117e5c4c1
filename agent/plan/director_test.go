// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// edge is what the director of these tests owns.
var edge = ipvs.Ownership{
	Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/64")},
	Marks:    []ipvs.MarkRange{{First: 100, Last: 199}},
}

// unbounded is more operations than any test needs.
const unbounded = 1 << 20

// director is a ledger and the kernel that it is about, used as the agent's loop uses the two. Its time stands still until
// wait.
type director struct {
	*plan.Ledger
	t      *testing.T
	kernel *kerneltest.Kernel
	now    time.Time
}

// newDirector has just started, and has read a kernel that holds the table.
func newDirector(t *testing.T, table ipvs.Table) *director {
	t.Helper()
	d := &director{
		Ledger: plan.NewLedger(), t: t, kernel: kerneltest.New(), now: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC),
	}
	d.kernel.Preset(table, plan.Actual{})
	d.LearnAll(d.table(), d.now)
	return d
}

// serving is a director whose kernel has what is wanted.
func serving(t *testing.T, wanted *plan.Wanted) *director {
	t.Helper()
	d := newDirector(t, nil)
	d.want(wanted)
	d.pass()
	if d.Due() || len(d.Unsettled()) > 0 {
		t.Fatalf("the director is not at rest: due %v, unsettled %v", d.Due(), d.Unsettled())
	}
	return d
}

func (d *director) want(wanted *plan.Wanted) { d.Want(wanted, d.now) }

func (d *director) wait(duration time.Duration) { d.now = d.now.Add(duration) }

// table reads what is ours, as kernel.Kernel's Table does.
func (d *director) table() []ipvs.Reading {
	d.t.Helper()
	readings, err := d.kernel.Table(d.t.Context(), edge.Owns)
	if err != nil {
		d.t.Fatal(err)
	}
	return readings
}

func (d *director) read(keys []ipvs.ServiceKey) []ipvs.Reading {
	d.t.Helper()
	readings, err := d.kernel.Services(d.t.Context(), keys)
	if err != nil {
		d.t.Fatal(err)
	}
	return readings
}

// pass carries out what is due, reads back, and returns the operations as commands.
func (d *director) pass() string {
	d.t.Helper()
	operations, keys := d.Plan(d.now, unbounded)
	if failures := d.kernel.Apply(d.t.Context(), operations); len(failures) > 0 {
		d.t.Fatalf("the kernel refused %v", failures)
	}
	if left := d.Settle(keys, d.read(keys), d.now); len(left) > 0 {
		d.t.Fatalf("left undone:\n%s", commands(left))
	}
	return commands(operations)
}

// look reads again what has to be read from time to time, and carries out what is due then.
func (d *director) look() string {
	d.t.Helper()
	keys := d.Unsettled()
	if changed := d.Learn(keys, d.read(keys), d.now); len(changed) > 0 {
		d.t.Errorf("nobody has changed %v", changed)
	}
	return d.pass()
}

// round is a whole audit. It returns what somebody else has changed.
func (d *director) round() []ipvs.ServiceKey {
	d.t.Helper()
	d.BeginRound()
	readings := d.table()
	var keys []ipvs.ServiceKey
	for _, reading := range readings {
		keys = append(keys, reading.Service.Key)
	}
	changed := d.Learn(keys, readings, d.now)
	unseen := d.Unseen()
	return append(changed, d.Learn(unseen, d.read(unseen), d.now)...)
}

// somebody changes the kernel behind the director's back.
func (d *director) somebody(operations ...plan.Operation) {
	d.t.Helper()
	if failures := d.kernel.Apply(d.t.Context(), operations); len(failures) > 0 {
		d.t.Fatalf("the kernel refused %v", failures)
	}
}

// owned is what of the kernel's table is ours, and foreign is the rest.
func (d *director) owned() ipvs.Table {
	return slices.DeleteFunc(d.kernel.Saved(), func(e ipvs.Entry) bool { return !edge.Owns(e.Service.Key) })
}

func (d *director) foreign() ipvs.Table {
	return slices.DeleteFunc(d.kernel.Saved(), func(e ipvs.Entry) bool { return edge.Owns(e.Service.Key) })
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
