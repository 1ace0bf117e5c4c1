// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/realserver"
	"github.com/lvs-operator/lvs-operator/agent/serving"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// Status is what an agent reports.
type Status = v1alpha1.NodeStateStatus

// Limits of NodeState.status, as its schema has them.
const (
	maxProblems = 64
	maxDegraded = 100
	maxMessage  = 1024
)

// problem is what the agent could not do. The controller finds the objects that it belongs to by group and service.
func problem(reason, group, service string, err error) v1alpha1.Problem {
	message := err.Error()
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage-3], "") + "..."
	}
	return v1alpha1.Problem{Reason: reason, DirectorGroup: group, Service: service, Message: message}
}

// tally counts the services of this node, a service at a time.
type tally struct {
	groups map[string]*groupTally
	// of are the counts of each service that are in its group's.
	of map[ipvs.ServiceKey]serviceTally
}

type groupTally struct {
	// members are the group's services.
	members map[ipvs.ServiceKey]struct{}
	// masquerading are those of them with real servers behind NAT.
	masquerading         map[ipvs.ServiceKey]struct{}
	realServers, healthy int
	// doubtful are how many services send to real servers that this director sees dead, or have their virtual IP withdrawn.
	doubtful int
	// degraded are the services with fewer healthy real servers than real servers, or with a quorum that is lost.
	degraded map[ipvs.ServiceKey]v1alpha1.DegradedService
}

type serviceTally struct {
	group                string
	realServers, healthy int
	doubtful             bool
}

func newTally() tally {
	return tally{groups: map[string]*groupTally{}, of: map[ipvs.ServiceKey]serviceTally{}}
}

// countService takes over how many of a service's real servers are healthy.
func (t *tally) countService(service *desired.Service, d serving.Decision) {
	key := service.Service.Key
	t.forget(key)
	g, known := t.groups[service.Group]
	if !known {
		g = &groupTally{members: map[ipvs.ServiceKey]struct{}{}, masquerading: map[ipvs.ServiceKey]struct{}{}, degraded: map[ipvs.ServiceKey]v1alpha1.DegradedService{}}
		t.groups[service.Group] = g
	}
	one := serviceTally{
		group: service.Group, realServers: len(service.Destinations), healthy: d.Healthy,
		doubtful: d.Consequence == serving.SendsToAll || d.Consequence == serving.Withdrawn,
	}
	t.of[key] = one
	g.members[key] = struct{}{}
	if service.Forwards() {
		g.masquerading[key] = struct{}{}
	}
	g.realServers += one.realServers
	g.healthy += one.healthy
	if one.doubtful {
		g.doubtful++
	}
	if one.healthy < one.realServers || d.Consequence != serving.None {
		g.degraded[key] = v1alpha1.DegradedService{
			Service: service.ID, RealServers: int32(one.realServers), Healthy: int32(one.healthy), Consequence: apiConsequence(d.Consequence),
		}
	}
}

func apiConsequence(c serving.Consequence) v1alpha1.Consequence {
	switch c {
	case serving.SendsToAll:
		return v1alpha1.ConsequenceSendsToAll
	case serving.QuorumLost:
		return v1alpha1.ConsequenceQuorumLost
	case serving.Withdrawn:
		return v1alpha1.ConsequenceAddressWithdrawn
	case serving.Apologizes:
		return v1alpha1.ConsequenceSorryServer
	default:
		return ""
	}
}

// forget takes a service out.
func (t *tally) forget(key ipvs.ServiceKey) {
	one, known := t.of[key]
	if !known {
		return
	}
	delete(t.of, key)
	g := t.groups[one.group]
	delete(g.members, key)
	delete(g.masquerading, key)
	g.realServers -= one.realServers
	g.healthy -= one.healthy
	if one.doubtful {
		g.doubtful--
	}
	delete(g.degraded, key)
	if len(g.members) == 0 {
		delete(t.groups, one.group)
	}
}

// applied is what was last brought to the kernel and read back.
type applied struct {
	// generation of the NodeState.
	generation int64
	// slices are, by director group and a slice's name, the slice's generation.
	slices map[string]map[string]int64
}

// reportShare bounds the time that goes into reports: one that took a millisecond is followed by none for so many.
const reportShare = 20

// electionWait is how long the report of a virtual router's change of state waits at most for what reportShare lets it wait: whether a
// group has two Actives is told from two directors' reports, and neither may be late.
const electionWait = 50 * time.Millisecond

// takeNews notes what there is to report of the routers.
func (a *Agent) takeNews(now time.Time) {
	changed, elected := a.routers.news()
	a.reportDue = a.reportDue || changed
	if latest := now.Add(electionWait); elected && latest.Before(a.reportNotBefore) {
		a.reportNotBefore = latest
	}
}

// reportWhenDue reports if something may have changed and the last report is long enough ago.
func (a *Agent) reportWhenDue(now time.Time) {
	if !a.reportDue || now.Before(a.reportNotBefore) {
		return
	}
	began := time.Now()
	a.report()
	a.reportNotBefore = now.Add(reportShare * time.Since(began))
}

// report tells what this node does. A desired state from the checkpoint has no generation to report; the API server that
// would hear of it is away.
func (a *Agent) report() {
	a.reportDue = false
	a.noteApplied()
	problems := a.problems()
	a.metrics.problems.Set(float64(len(problems)))
	status := Status{ObservedGeneration: a.applied.generation, ProblemCount: int32(len(problems)), Problems: problems[:min(len(problems), maxProblems)]}
	healthy := 0
	node := a.desired.Node()
	for _, group := range node.Groups {
		reported := v1alpha1.NodeDirectorGroupStatus{Name: group.Name, Applied: a.applied.slices[group.Name], VirtualRouters: a.routers.statuses(group.Name),
			WithdrawnAddresses: a.routers.withdrawnOf(group.Name)}
		if counted, known := a.groups[group.Name]; known {
			status.Services += int32(len(counted.members))
			status.RealServers += int32(counted.realServers)
			healthy += counted.healthy
			reported.Degraded = worst(slices.Collect(maps.Values(counted.degraded)))
		}
		status.DirectorGroups = append(status.DirectorGroups, reported)
	}
	if len(node.Groups) > 0 {
		status.Roles = append(status.Roles, v1alpha1.RoleDirector)
	}
	if len(node.RealServerAddresses) > 0 {
		status.Roles = append(status.Roles, v1alpha1.RoleRealServer)
	}
	status.RealServerAddresses = realServerAddresses(a.actual, node.RealServerAddresses)
	a.metrics.services.Set(float64(status.Services))
	a.metrics.servers.Set(float64(status.RealServers))
	a.metrics.healthy.Set(float64(healthy))
	a.measure()
	if a.generation > 0 {
		a.reports.Set(status)
	}
}

// measure takes over the figures of what runs beside the loop.
func (a *Agent) measure() {
	a.metrics.lateChecks.Set(float64(a.health.Stats().Late))
	a.routers.measure(a.metrics)
}

// noteApplied notes that the desired state is in the kernel as far as the kernel takes it, once all of it has been carried
// out and read back.
func (a *Agent) noteApplied() {
	if a.ledger.Due() || len(a.tableProblems) > 0 || a.nodeDue || a.marksDue || a.nodeNeverRead || !a.tableRead && !a.owned().IsZero() {
		return
	}
	a.applied = applied{generation: a.generation, slices: map[string]map[string]int64{}}
	for _, group := range a.desired.Node().Groups {
		a.applied.slices[group.Name] = a.desired.Applied(group.Name)
	}
}

// problems are all that this node has, and logs those that are new.
func (a *Agent) problems() []v1alpha1.Problem {
	services := slices.SortedFunc(maps.Values(a.serviceProblems), func(x, y v1alpha1.Problem) int {
		return cmp.Or(cmp.Compare(x.DirectorGroup, y.DirectorGroup), cmp.Compare(x.Service, y.Service), cmp.Compare(x.Message, y.Message))
	})
	ofKernel := slices.Concat(a.tableProblems, a.nodeProblems, services, a.helperProblems())
	a.logRefused(ofKernel)
	return slices.Concat(a.desired.Problems(), a.routers.problems(), a.diskProblems, ofKernel)
}

// worst are as many degraded services as a status has room for, by id; those go first whose clients notice.
func worst(degraded []v1alpha1.DegradedService) []v1alpha1.DegradedService {
	byID := func(a, b v1alpha1.DegradedService) int { return cmp.Compare(a.Service, b.Service) }
	if len(degraded) > maxDegraded {
		slices.SortFunc(degraded, func(a, b v1alpha1.DegradedService) int {
			return cmp.Or(-cmp.Compare(min(len(a.Consequence), 1), min(len(b.Consequence), 1)), cmp.Compare(min(a.Healthy, 1), min(b.Healthy, 1)), byID(a, b))
		})
		degraded = degraded[:maxDegraded]
	}
	slices.SortFunc(degraded, byID)
	return degraded
}

// realServerAddresses are the wanted virtual IPs that are on lo with every ARP setting in force.
func realServerAddresses(actual plan.Actual, wanted []netip.Addr) []v1alpha1.IPAddress {
	for _, sysctl := range realserver.Sysctls() {
		if actual.Sysctls[sysctl.Name] != sysctl.Value {
			return nil
		}
	}
	var there []v1alpha1.IPAddress
	for _, address := range actual.Addresses {
		if address.Interface == realserver.Interface && slices.Contains(wanted, address.Prefix.Addr()) {
			there = append(there, v1alpha1.IPAddress(address.Prefix.Addr().String()))
		}
	}
	slices.Sort(there)
	return slices.Compact(there)
}

// everyGroup is a problem of all that this node does as a director; of the node alone if it is none.
func (a *Agent) everyGroup(err error) []v1alpha1.Problem {
	groups := a.desired.Node().Groups
	if len(groups) == 0 {
		return []v1alpha1.Problem{problem(v1alpha1.ProblemKernel, "", "", err)}
	}
	problems := make([]v1alpha1.Problem, 0, len(groups))
	for _, group := range groups {
		problems = append(problems, problem(v1alpha1.ProblemKernel, group.Name, "", err))
	}
	return problems
}

// groupOf is the group whose virtual router has an address on an interface; empty: none.
func (rs *routers) groupOf(interfaceName string, address netip.Addr) string {
	for _, r := range rs.sorted() {
		if r.carrier == interfaceName && slices.Contains(r.addresses, address) {
			return r.key.group
		}
	}
	return ""
}

// statuses are the states of a group's routers, by id.
func (rs *routers) statuses(group string) []v1alpha1.VirtualRouterStatus {
	var list []v1alpha1.VirtualRouterStatus
	for _, r := range rs.sorted() {
		if r.key.group != group {
			continue
		}
		list = append(list, v1alpha1.VirtualRouterStatus{
			VirtualRouterID: int32(r.key.id), Family: apiFamily(r.key), State: apiState(r.state), Since: metav1.NewTime(r.since.Truncate(1e9)),
			Epoch: r.epoch(), Priority: int32(r.config.Priority), Lowered: rs.fitnessOf(r).reason(),
			Source: r.source(), Following: r.following(), Peers: r.peers(),
		})
	}
	return list
}

// epoch counts how often the router has become Active since it was started.
func (r *router) epoch() int64 {
	if r.running == nil {
		return 0
	}
	return int64(r.running.Stats().Activations)
}

// follows is the address that the Active one advertises from which the router follows; the zero value: it follows none.
func (r *router) follows() netip.Addr {
	if r.running == nil || r.state != vrrp.Backup {
		return netip.Addr{}
	}
	return r.running.Stats().ActiveSource
}

func (r *router) following() v1alpha1.IPAddress {
	if source := r.follows(); source.IsValid() {
		return v1alpha1.IPAddress(source.String())
	}
	return ""
}

// source is the address that the router sends from.
func (r *router) source() v1alpha1.IPAddress {
	if r.running == nil || !r.running.Source().IsValid() {
		return ""
	}
	return v1alpha1.IPAddress(r.running.Source().String())
}

// peers are the others that advertise with the router's id.
func (r *router) peers() []v1alpha1.VRRPPeer {
	if r.running == nil {
		return nil
	}
	var list []v1alpha1.VRRPPeer
	for _, peer := range r.running.Peers() {
		one := v1alpha1.VRRPPeer{Address: v1alpha1.IPAddress(peer.Source.String()), Priority: int32(peer.Priority)}
		if peer.Discarded != 0 {
			one.Discarded = peer.Discarded.String()
		}
		list = append(list, one)
	}
	return list
}

// problems are what keeps routers from running.
func (rs *routers) problems() []v1alpha1.Problem {
	var list []v1alpha1.Problem
	for _, r := range rs.sorted() {
		if err := r.fault(); err != nil {
			list = append(list, problem(v1alpha1.ProblemVRRP, r.key.group, "", err))
		}
	}
	return list
}

func apiFamily(key routerKey) v1alpha1.AddressFamily {
	if key.ipv6 {
		return v1alpha1.FamilyIPv6
	}
	return v1alpha1.FamilyIPv4
}

func apiState(state vrrp.State) v1alpha1.VRRPState {
	switch state {
	case vrrp.Active:
		return v1alpha1.VRRPActive
	case vrrp.Backup:
		return v1alpha1.VRRPBackup
	default:
		return v1alpha1.VRRPInitialize
	}
}

func compareKeys(a, b routerKey) int {
	return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.interfaceName, b.interfaceName), cmp.Compare(a.id, b.id), cmp.Compare(a.version, b.version),
		cmp.Compare(family(a), family(b)))
}

// family orders IPv4 before IPv6.
func family(key routerKey) int {
	if key.ipv6 {
		return 6
	}
	return 4
}
