// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// pass brings the kernel to the desired state once. The order of what it does is the bring-up order: services and real
// servers, then the right to win an election, then (in a later pass, when VRRP has decided) the virtual IPs, then
// gratuitous ARP.
func (a *Agent) pass(ctx context.Context, now time.Time) {
	a.takeView(ctx)
	if !a.known {
		return
	}
	a.metrics.passes.Inc()
	began := time.Now()
	defer func() { a.metrics.passTime.Observe(time.Since(began).Seconds()) }()

	actual, err := a.kernel.Read(ctx, a.query())
	a.routers.adopt(a.desired, now)
	if err != nil && !errors.Is(err, kernel.ErrNoIPVS) {
		a.cannotRead(ctx, actual, now, err)
		return
	}
	a.health.Set(a.targets(actual.IPVS))

	in := a.planIn(actual, now)
	operations := plan.Plan(in)
	forgetful := a.remember(in, operations)
	in.Found = a.found
	problems := a.apply(ctx, in, operations, &actual)
	a.routers.startAll(actual.Addresses, func(group string) bool { return a.serves(group, problems) && a.isWarm(group, now) })
	a.routers.announce(actual.Addresses, operations)
	a.report(actual, append(forgetful, problems...))
}

// cannotRead is a pass whose kernel does not tell its IPVS table: what is known without it goes on, and above all a
// director that is no longer Active lets its virtual IPs go. What was applied last stays the word.
func (a *Agent) cannotRead(ctx context.Context, actual plan.Actual, now time.Time, err error) {
	problems := a.everyGroup(v1alpha1.ProblemKernel, err)
	if len(actual.Addresses) > 0 {
		for _, failure := range a.kernel.Apply(ctx, addressesOnly(plan.Plan(a.planIn(actual, now)))) {
			problems = append(problems, a.everyGroup(v1alpha1.ProblemKernel, failure.Err)...)
		}
	}
	a.last = nil
	a.logRefused(problems)
	a.report(actual, problems)
}

func (a *Agent) owned() []netip.Prefix {
	return append(slices.Clone(a.releasing), a.desired.Owned()...)
}

func (a *Agent) query() kernel.Query {
	return kernel.Query{Owned: a.owned(), Sysctls: plan.Sysctls()}
}

func (a *Agent) planIn(actual plan.Actual, now time.Time) plan.In {
	return plan.In{
		Services:            a.desired.Table(a.healthy),
		Owned:               a.owned(),
		DirectorAddresses:   a.routers.addresses(actual.Addresses, now),
		RealServerAddresses: a.desired.RealServerAddresses,
		Forwarding:          a.desired.Forwarding(),
		Found:               a.found,
		Actual:              actual,
	}
}
