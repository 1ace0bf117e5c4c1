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
// that carries its address; it then stays so while NodeStates change for others. It is Ready when the Active director has
// come so far and sees a healthy real server; it stays Ready while that director runs an older form of it.
func VirtualService(service *v1alpha1.VirtualService, needs Needs, directors []Director, now metav1.Time) v1alpha1.VirtualServiceStatus {
	status := v1alpha1.VirtualServiceStatus{ObservedGeneration: service.Generation}
	c := newConditions(service.Status.Conditions, service.Generation, now)
	c.verdict(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted,
		fmt.Sprintf("%s and its ports are this service's in DirectorGroup %s", service.Spec.Address, service.Spec.DirectorGroup), needs.Verdict)
	c.verdict(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolved,
		fmt.Sprintf("DirectorGroup %s and RealServerPool %s exist", service.Spec.DirectorGroup, service.Spec.RealServerPool), needs.Verdict)
	c.outcome(v1alpha1.ConditionProgrammed, v1alpha1.ReasonProgrammed,
		allRun(directors)+fmt.Sprintf(" generation %d", service.Generation), programming(service, needs, directors))
	if needs.OK() {
		status.Active = names(actives(directors))
		status.Ports = ports(service, needs, directors)
		status.Healthy = healthy(status)
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
		if !wasProgrammed && !d.carries(service.Spec.Address) {
			return d.withoutAddress(service.Spec.Address)
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
	for _, port := range service.Spec.Ports {
		if against := d.against(idOf(service, port.Name)); against.reason != "" {
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

func (d *Director) carries(address v1alpha1.IPAddress) bool {
	return d.Current && slices.Contains(d.VIPs, address)
}

func (d *Director) withoutAddress(address v1alpha1.IPAddress) obstacle {
	return obstacle{v1alpha1.ReasonPending, fmt.Sprintf("director %s has not applied the NodeState that carries %s yet", d.Name, address)}
}

// ports is what each director runs of each port.
func ports(service *v1alpha1.VirtualService, needs Needs, directors []Director) []v1alpha1.PortStatus {
	shown := directors[:min(len(directors), maxDirectors)]
	all := make([]v1alpha1.PortStatus, 0, len(service.Spec.Ports))
	for _, port := range service.Spec.Ports {
		status := v1alpha1.PortStatus{Name: port.Name}
		for i := range shown {
			status.Directors = append(status.Directors, portOn(&shown[i], idOf(service, port.Name), needs))
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

// healthy is "healthy/all" of the worst port on the Active director; empty while there is not exactly one.
func healthy(status v1alpha1.VirtualServiceStatus) string {
	var worst *v1alpha1.PortDirectorStatus
	for _, port := range status.Ports {
		for i, d := range port.Directors {
			if d.Node == status.Active && d.Programmed && (worst == nil || d.Healthy < worst.Healthy) {
				worst = &port.Directors[i]
			}
		}
	}
	if worst == nil {
		return ""
	}
	return fmt.Sprintf("%d/%d", worst.Healthy, worst.RealServers)
}

func idOf(service *v1alpha1.VirtualService, port string) string {
	return compile.ServiceID(types.NamespacedName{Namespace: service.Namespace, Name: service.Name}, port)
}
