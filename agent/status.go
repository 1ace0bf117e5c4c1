// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/realserver"
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

// report tells what this node does. A desired state from the checkpoint has no generation to report; the API server that
// would hear of it is away.
func (a *Agent) report(actual plan.Actual, problems []v1alpha1.Problem) {
	problems = slices.Concat(a.unusable, a.routers.problems(), problems)
	a.metrics.problems.Set(float64(len(problems)))
	status := Status{ObservedGeneration: a.applied.generation, ProblemCount: int32(len(problems)), Problems: problems[:min(len(problems), maxProblems)]}
	healthy := 0
	for _, group := range a.desired.Groups {
		reported := v1alpha1.NodeDirectorGroupStatus{Name: group.Name, Applied: a.applied.slices[group.Name], VirtualRouters: a.routers.statuses(group.Name)}
		for _, service := range group.Services {
			status.Services++
			status.RealServers += int32(len(service.RealServers))
			up := a.countHealthy(service)
			healthy += up
			if up < len(service.RealServers) {
				reported.Degraded = append(reported.Degraded, v1alpha1.DegradedService{
					Service: service.ID, RealServers: int32(len(service.RealServers)), Healthy: int32(up),
				})
			}
		}
		reported.Degraded = worst(reported.Degraded)
		status.DirectorGroups = append(status.DirectorGroups, reported)
	}
	if len(a.desired.Groups) > 0 {
		status.Roles = append(status.Roles, v1alpha1.RoleDirector)
	}
	if len(a.desired.RealServerAddresses) > 0 {
		status.Roles = append(status.Roles, v1alpha1.RoleRealServer)
	}
	status.RealServerAddresses = realServerAddresses(actual, a.desired.RealServerAddresses)
	a.metrics.services.Set(float64(status.Services))
	a.metrics.servers.Set(float64(status.RealServers))
	a.metrics.healthy.Set(float64(healthy))
	a.metrics.lateChecks.Set(float64(a.health.Stats().Late))
	a.routers.measure(a.metrics)
	if a.generation > 0 {
		a.reports.Set(status)
	}
}

// worst are as many degraded services as a status has room for, by id; those without any healthy real server go first.
func worst(degraded []v1alpha1.DegradedService) []v1alpha1.DegradedService {
	if len(degraded) > maxDegraded {
		slices.SortStableFunc(degraded, func(a, b v1alpha1.DegradedService) int { return cmp.Compare(min(a.Healthy, 1), min(b.Healthy, 1)) })
		degraded = degraded[:maxDegraded]
		slices.SortFunc(degraded, func(a, b v1alpha1.DegradedService) int { return cmp.Compare(a.Service, b.Service) })
	}
	return degraded
}

func (a *Agent) countHealthy(service desired.Service) int {
	up := 0
	for _, realServer := range service.RealServers {
		if !realServer.Checked || a.healthy(realServer.Check) {
			up++
		}
	}
	return up
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
func (a *Agent) everyGroup(reason string, err error) []v1alpha1.Problem {
	if len(a.desired.Groups) == 0 {
		return []v1alpha1.Problem{problem(reason, "", "", err)}
	}
	problems := make([]v1alpha1.Problem, 0, len(a.desired.Groups))
	for _, group := range a.desired.Groups {
		problems = append(problems, problem(reason, group.Name, "", err))
	}
	return problems
}

// belongsTo is the group and the id of the service that an operation is for. A virtual IP belongs to a group and to no
// single service; what is for the whole node belongs to neither.
func (a *Agent) belongsTo(operation plan.Operation) (group, service string) {
	var key ipvs.ServiceKey
	switch o := operation.(type) {
	case plan.AddService:
		key = o.Service.Key
	case plan.UpdateService:
		key = o.Service.Key
	case plan.AddDestination:
		key = o.Service
	case plan.UpdateDestination:
		key = o.Service
	case plan.DeleteDestination:
		key = o.Service
	case plan.AddAddress:
		return a.routers.groupOf(o.Interface, o.Prefix.Addr()), ""
	default:
		return "", ""
	}
	for _, group := range a.desired.Groups {
		for _, service := range group.Services {
			if service.Service.Key == key {
				return group.Name, service.ID
			}
		}
	}
	return "", ""
}

// groupOf is the group whose virtual router has an address on an interface; empty: none.
func (rs *routers) groupOf(interfaceName string, address netip.Addr) string {
	for _, r := range rs.sorted() {
		if r.key.interfaceName == interfaceName && slices.Contains(r.config.Addresses, address) {
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
			VirtualRouterID: int32(r.key.id), State: apiState(r.state), Since: metav1.NewTime(r.since.Truncate(1e9)),
		})
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

func (rs *routers) measure(m *metrics) {
	for _, vec := range []*prometheus.GaugeVec{m.active, m.lateness, m.sendErrors, m.discarded} {
		vec.Reset()
	}
	for _, r := range rs.sorted() {
		labels := []string{r.key.group, r.key.interfaceName, strconv.Itoa(int(r.key.id))}
		active := 0.0
		if r.state == vrrp.Active {
			active = 1
		}
		m.active.WithLabelValues(labels...).Set(active)
		if r.running == nil {
			continue
		}
		stats := r.running.Stats()
		m.lateness.WithLabelValues(labels...).Set(stats.MaxLateness.Seconds())
		m.sendErrors.WithLabelValues(labels...).Set(float64(stats.SendErrors))
		for reason := vrrp.Discard(1); reason < vrrp.DiscardLimit; reason++ {
			if n := stats.Discarded[reason]; n > 0 {
				m.discarded.WithLabelValues(append(labels, reason.String())...).Set(float64(n))
			}
		}
	}
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
	return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.interfaceName, b.interfaceName), cmp.Compare(a.id, b.id), cmp.Compare(a.version, b.version))
}
