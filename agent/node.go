// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// nodeIn is what is wanted of the node beside its IPVS services, without what depends on a reading.
func (a *Agent) nodeIn() plan.In {
	in := plan.In{
		Links:               a.desired.Node().Links(),
		RealServerAddresses: a.desired.Node().RealServerAddresses,
		Forwarding:          a.desired.Forwarding(),
		Marks:               a.marks(),
		Closed:              a.desired.Node().Closed(),
		Found:               a.found,
		Started:             a.started,
	}
	if a.desired.Len() > 0 {
		in.Settings = a.desired.Node().Settings()
		in.Daemons = a.desired.Node().Daemons()
		in.Settings = append(in.Settings, a.pathSettings()...)
	}
	return in
}

// marks are the rules of the services by firewall mark that the kernel has: a mark without a service would take packets that
// are only passing through, and give them to nobody.
func (a *Agent) marks() []mark.Rule {
	var rules []mark.Rule
	for _, service := range a.desired.Marked() {
		if _, there := a.ledger.Known(service.Service.Key); there {
			rules = append(rules, service.Marks...)
		}
	}
	slices.SortFunc(rules, mark.Rule.Compare)
	return rules
}

// query asks for what the plan of a node depends on. Marks and closed virtual IPs are read where there may be some: reading them loads
// nf_tables.
func (a *Agent) query(in plan.In) kernel.Query {
	owned := a.owned()
	return kernel.Query{
		Links: a.linksLeft || len(in.Links) > 0, LinkNames: linkNames(in.Links),
		Sysctls: in.Sysctls(), IPVS: !owned.IsZero(), Modules: modules(len(a.desired.FTP()) > 0),
		Daemons: len(in.Daemons)+len(in.Started) > 0,
		Marks:   a.marksLeft || len(owned.Marks) > 0 || len(in.Marks) > 0,
		Closed:  a.closedLeft || len(in.Closed) > 0,
	}
}

func linkNames(links []plan.Link) []string {
	names := make([]string, 0, len(links))
	for _, link := range links {
		names = append(names, link.Name)
	}
	return names
}

// complete adds a reading, and what depends on it. As long as it is not known which services the kernel has, marks stay as
// they are; and as long as some wait for a later pass, no virtual IP is added.
func (a *Agent) complete(in *plan.In, actual plan.Actual, now time.Time) {
	in.DirectorAddresses = a.routers.addresses(actual.Addresses, now)
	directing := !a.owned().IsZero()
	if directing && !a.tableRead {
		in.Marks, actual.MarksTampered = actual.Marks, false
	}
	if !a.mayHold() {
		in.DirectorAddresses = slices.DeleteFunc(in.DirectorAddresses, func(wanted plan.InterfaceAddress) bool {
			return !slices.ContainsFunc(actual.Addresses, func(there plan.Address) bool {
				return there.Interface == wanted.Interface && there.Prefix.Addr() == wanted.Address
			})
		})
	}
	in.Actual = actual
}

// mayHold says whether virtual IPs may come: all services are in the kernel.
func (a *Agent) mayHold() bool { return a.owned().IsZero() || a.tableRead && !a.ledger.Due() }

// readNode reads the node and says what has to be done; false: it could not be read.
func (a *Agent) readNode(ctx context.Context, now time.Time) (plan.In, plan.Steps, bool) {
	in := a.nodeIn()
	query := a.query(in)
	actual, err := a.kernel.Read(ctx, query)
	a.routers.adopt(a.desired.Node(), now)
	if err != nil {
		if ctx.Err() == nil {
			a.nodeProblems, a.reportDue = a.everyGroup(err), true
		}
		a.nodeAsWanted = nil
		return in, plan.Steps{}, false
	}
	// Modules are nobody's operation: that one was loaded shows only here.
	a.reportDue = a.reportDue || !slices.Equal(a.actual.Modules, actual.Modules)
	a.noteReading(query, actual)
	a.complete(&in, actual, now)
	return in, plan.Plan(in), true
}

// noteReading takes a reading over.
func (a *Agent) noteReading(query kernel.Query, actual plan.Actual) {
	a.actual = actual
	if query.Links {
		a.linksLeft = slices.ContainsFunc(actual.Links, func(l plan.ActualLink) bool { return l.Ours })
	}
	if query.Marks {
		a.marksLeft = actual.MarksErr != nil || actual.MarksTampered || len(actual.Marks)+len(actual.Routes)+len(actual.Rules) > 0
	}
	if query.Closed {
		a.closedLeft = actual.ClosedErr != nil || actual.ClosedTampered || len(actual.Closed) > 0
	}
}

// settleNode reads the node back after operations, and notes what is left undone.
func (a *Agent) settleNode(ctx context.Context, in plan.In, failures []kernel.Failure) {
	var problems []v1alpha1.Problem
	for _, failure := range failures {
		problems = append(problems, a.nodeProblem(failure.Operation, failure.Err)...)
	}
	query := a.query(in)
	actual, err := a.kernel.Read(ctx, query)
	if err != nil {
		a.nodeProblems, a.nodeDue = slices.Concat(problems, a.everyGroup(err)), true
		return
	}
	a.noteReading(query, actual)
	in.Actual = actual
	if len(failures) == 0 {
		for _, left := range plan.Plan(in).All() {
			problems = append(problems, a.nodeProblem(left, errLeft{left})...)
		}
	}
	a.nodeProblems = slices.Concat(problems, a.readProblems(in))
}

// wantsTheSame says whether two plans wanted the same of a node.
func wantsTheSame(a, b plan.In) bool {
	return slices.Equal(a.Links, b.Links) && slices.Equal(a.DirectorAddresses, b.DirectorAddresses) && slices.Equal(a.RealServerAddresses, b.RealServerAddresses) &&
		slices.Equal(a.Forwarding, b.Forwarding) && slices.Equal(a.Settings, b.Settings) &&
		slices.Equal(a.Daemons, b.Daemons) && slices.EqualFunc(a.Marks, b.Marks, mark.Rule.Equal) &&
		slices.Equal(a.Closed, b.Closed)
}
