// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/compile"
)

// maxDirectors is how many directors a status has room for.
const maxDirectors = 64

// VirtualService is the status of a service that was compiled at its present generation, from what it needs and from its
// group's directors. It is Programmed when every director has reported at least the needed generation of every slice that
// carries it, and no problem that stands against it. To become so it also waits until each director has applied a NodeState
// that carries its addresses; it then stays so while NodeStates change for others. It is Ready when the Active director has
// come so far and sees a healthy real server; it stays Ready while that director runs an older form of it.
func VirtualService(service *v1alpha1.VirtualService, needs Needs, directors []Director, now metav1.Time) v1alpha1.VirtualServiceStatus {
	status := v1alpha1.VirtualServiceStatus{ObservedGeneration: service.Generation}
	c := newConditions(service.Status.Conditions, service.Generation, now)
	c.verdict(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted,
		fmt.Sprintf("%s this service's in DirectorGroup %s", identity(service), service.Spec.DirectorGroup), needs.Verdict)
	c.verdict(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolved,
		fmt.Sprintf("DirectorGroup %s and RealServerPool %s exist", service.Spec.DirectorGroup, service.Spec.RealServerPool), needs.Verdict)
	c.outcome(v1alpha1.ConditionProgrammed, v1alpha1.ReasonProgrammed,
		allRun(directors)+fmt.Sprintf(" generation %d", service.Generation), programming(service, needs, directors))
	if needs.OK() {
		ids := routersFor(directors, needs.Addresses)
		status.Active = names(activesOf(ids, directors))
		status.Ports = ports(service, needs, directors)
		elected, _ := elect(ids, directors)
		status.Healthy = healthy(status.Ports, elected)
	}
	c.ready(service, needs, directors)
	status.Conditions = c.list
	return status
}

// WithoutGroup is the status of a service whose director group does not exist.
func WithoutGroup(service *v1alpha1.VirtualService, now metav1.Time) v1alpha1.VirtualServiceStatus {
	message := fmt.Sprintf("DirectorGroup %s does not exist; create it or correct directorGroup", service.Spec.DirectorGroup)
	c := newConditions(service.Status.Conditions, service.Generation, now)
	c.set(v1alpha1.ConditionAccepted, metav1.ConditionUnknown, v1alpha1.ReasonPending, message)
	c.set(v1alpha1.ConditionResolvedRefs, metav1.ConditionFalse, v1alpha1.ReasonDirectorGroupNotFound, message)
	c.set(v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonNotAccepted, message)
	c.set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotAccepted, message)
	return v1alpha1.VirtualServiceStatus{ObservedGeneration: service.Generation, Conditions: c.list}
}

// programming is the first thing that keeps the service from being programmed.
func programming(service *v1alpha1.VirtualService, needs Needs, directors []Director) obstacle {
	if against := uncompiled(needs, directors); against.reason != "" {
		return against
	}
	wasProgrammed := stood(service.Status.Conditions, v1alpha1.ConditionProgrammed, service.Generation)
	for i := range directors {
		d := &directors[i]
		if d.Lost {
			return d.lost()
		}
		if against := d.problemWith(service); against.reason != "" {
			return against
		}
		if against := d.lagging(needs); against.reason != "" {
			return against
		}
		if wasProgrammed {
			continue
		}
		if against := d.withoutAddress(needs); against.reason != "" {
			return against
		}
	}
	return obstacle{}
}

// uncompiled is why no director can have the service.
func uncompiled(needs Needs, directors []Director) obstacle {
	if against := refusal(needs.Verdict); against.reason != "" {
		return against
	}
	if len(directors) == 0 {
		return noDirectors()
	}
	return obstacle{}
}

// problemWith is the first problem that stands against a port of the service on this director.
func (d *Director) problemWith(service *v1alpha1.VirtualService) obstacle {
	for _, part := range compile.PartNames(service) {
		if against := d.against(idOf(service, part)); against.reason != "" {
			return against
		}
	}
	return obstacle{}
}

// lagging is that the director has not reported all that the service needs.
func (d *Director) lagging(needs Needs) obstacle {
	slice, missing := d.missing(needs.Slices)
	if !missing {
		return obstacle{}
	}
	message := fmt.Sprintf("director %s has not reported slice %s at generation %d yet", d.Name, slice, needs.Slices[slice])
	if d.NotReady {
		message += "; its node is not ready"
	}
	return obstacle{v1alpha1.ReasonPending, message}
}

// withoutAddress is that the director has not applied a NodeState that carries every address of the service.
func (d *Director) withoutAddress(needs Needs) obstacle {
	for _, address := range needs.Addresses {
		if !d.Current || !d.carries(address) {
			return obstacle{v1alpha1.ReasonPending, fmt.Sprintf("director %s has not applied the NodeState that carries %s yet", d.Name, address)}
		}
	}
	return obstacle{}
}

// ports is what each director runs of each port.
func ports(service *v1alpha1.VirtualService, needs Needs, directors []Director) []v1alpha1.PortStatus {
	shown := directors[:min(len(directors), maxDirectors)]
	parts := compile.PartNames(service)
	all := make([]v1alpha1.PortStatus, 0, len(parts))
	for _, part := range parts {
		status := v1alpha1.PortStatus{Name: part}
		for i := range shown {
			status.Directors = append(status.Directors, portOn(&shown[i], idOf(service, part), needs))
		}
		all = append(all, status)
	}
	return all
}

// portOn counts a director's real servers only once it has the newest form: before that its report is of another one.
func portOn(d *Director, id string, needs Needs) v1alpha1.PortDirectorStatus {
	_, missing := d.missing(needs.Slices)
	status := v1alpha1.PortDirectorStatus{Node: d.Name, Programmed: !missing && d.against(id).reason == ""}
	if !status.Programmed {
		return status
	}
	status.RealServers, status.Healthy = needs.RealServers, needs.RealServers
	if degraded, found := d.Degraded[id]; found {
		status.Healthy = min(degraded.Healthy, needs.RealServers)
	}
	return status
}

// healthy is "healthy/all" of the worst port on the directors that are elected; empty while there is none.
func healthy(ports []v1alpha1.PortStatus, elected []*Director) string {
	var worst *v1alpha1.PortDirectorStatus
	for _, port := range ports {
		for i, d := range port.Directors {
			serves := slices.ContainsFunc(elected, func(a *Director) bool { return a.Name == d.Node })
			if serves && d.Programmed && (worst == nil || d.Healthy < worst.Healthy) {
				worst = &port.Directors[i]
			}
		}
	}
	if worst == nil {
		return ""
	}
	return fmt.Sprintf("%d/%d", worst.Healthy, worst.RealServers)
}

func idOf(service *v1alpha1.VirtualService, part string) string {
	return compile.ServiceID(types.NamespacedName{Namespace: service.Namespace, Name: service.Name}, part)
}

// identity is what the service has for itself, with its verb.
func identity(service *v1alpha1.VirtualService) string {
	if mark := service.Spec.FirewallMark; mark != nil {
		return fmt.Sprintf("firewall mark %d is", mark.Mark)
	}
	return fmt.Sprintf("%s and its ports are", service.Spec.Address)
}

// partOf names a part of the service in a message.
func partOf(service *v1alpha1.VirtualService, part string) string {
	if mark := service.Spec.FirewallMark; mark != nil {
		return fmt.Sprintf("firewall mark %d", mark.Mark)
	}
	return "port " + part
}
