// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"fmt"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// trait is what decides whether a member can serve a service; most pools have one or two.
type trait struct {
	family v1alpha1.AddressFamily
	method v1alpha1.ForwardingMethod // empty: the service's
	port   int32                     // 0: the service's
}

// sample is a trait and the first member that has it.
type sample struct {
	trait
	address v1alpha1.IPAddress
}

func sampleOf(member v1alpha1.Member) sample {
	return sample{trait{familyOfText(member.Address), member.ForwardingMethod, or(member.Port, 0)}, member.Address}
}

func samples(pool *v1alpha1.RealServerPool) []sample {
	var all []sample
	seen := map[trait]bool{}
	for _, member := range pool.Spec.Members {
		one := sampleOf(member)
		if !seen[one.trait] {
			seen[one.trait] = true
			all = append(all, one)
		}
	}
	return all
}

// membersRefusal is the first reason why the pool's members, or the sorry server, cannot serve the service in the group; nil: they can.
func membersRefusal(service *v1alpha1.VirtualService, g *group, pool *v1alpha1.RealServerPool, members []sample) *Finding {
	for _, member := range members {
		if refused := memberRefusal(service, g, member, fmt.Sprintf("real server %s of RealServerPool %s", member.address, pool.Name)); refused != nil {
			return refused
		}
	}
	if sorry := service.Spec.SorryServer; sorry != nil {
		if refused := memberRefusal(service, g, sampleOf(sorryMember(sorry)), fmt.Sprintf("sorryServer %s", sorry.Address)); refused != nil {
			return refused
		}
	}
	if refused := viaRefusal(service, g, pool); refused != nil {
		return refused
	}
	return checkWithoutPort(service, pool)
}

// memberRefusal is the first reason why a member cannot serve the service. who begins the message.
func memberRefusal(service *v1alpha1.VirtualService, g *group, member sample, who string) *Finding {
	method := cmp.Or(member.method, methodOf(service))
	for _, check := range []func(*v1alpha1.VirtualService, sample, v1alpha1.ForwardingMethod) *Finding{
		familyMismatch, helperMismatch, portMismatch, g.syncMismatch,
	} {
		if refused := check(service, member, method); refused != nil {
			refused.Message = who + " " + refused.Message
			return refused
		}
	}
	return nil
}

// familyMismatch finds a member that only an encapsulated packet could reach.
func familyMismatch(service *v1alpha1.VirtualService, member sample, method v1alpha1.ForwardingMethod) *Finding {
	family := familyOf(service)
	if member.family == family || method == v1alpha1.Tunnel {
		return nil
	}
	return &Finding{
		Condition: v1alpha1.ConditionAccepted,
		Reason:    v1alpha1.ReasonFamilyMismatch,
		Message: fmt.Sprintf("is %s and the service is %s, but %s cannot change the family; set forwardingMethod: Tunnel, or use an %s address of the real server",
			member.family, family, method, family),
	}
}

// helperMismatch finds a member whose answers would not pass the director, where a helper has to read them.
func helperMismatch(service *v1alpha1.VirtualService, _ sample, method v1alpha1.ForwardingMethod) *Finding {
	if method == v1alpha1.NAT {
		return nil
	}
	for _, port := range service.Spec.Ports {
		if port.ApplicationHelper != "" {
			return &Finding{
				Condition: v1alpha1.ConditionAccepted,
				Reason:    v1alpha1.ReasonMethodMismatch,
				Message: fmt.Sprintf("is reached by %s, but applicationHelper: %s of port %s needs NAT; set forwardingMethod: NAT, or leave applicationHelper out",
					method, port.ApplicationHelper, port.Name),
			}
		}
	}
	return nil
}

// portMismatch finds a member's port that no packet would reach: DirectRouting and Tunnel leave the port as it is, and so
// does the kernel with every persistent service that is of many ports.
func portMismatch(service *v1alpha1.VirtualService, member sample, method v1alpha1.ForwardingMethod) *Finding {
	if member.port == 0 {
		return nil
	}
	if part, many := manyPorts(service); many && (method != v1alpha1.NAT || service.Spec.Persistence != nil) {
		advice := "leave the member's port out"
		if service.Spec.Persistence == nil {
			advice += ", or set forwardingMethod: NAT"
		}
		return refusedPort(fmt.Sprintf("listens on port %d, but %s leaves every connection its port; %s", member.port, part, advice))
	}
	for _, port := range service.Spec.Ports {
		if method != v1alpha1.NAT && member.port != port.Port {
			return refusedPort(fmt.Sprintf("listens on port %d and port %s is %d, but %s cannot change the port; leave the member's port out, or set forwardingMethod: NAT",
				member.port, port.Name, port.Port, method))
		}
	}
	return nil
}

func refusedPort(message string) *Finding {
	return &Finding{Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonPortMismatch, Message: message}
}

// manyPorts names the part of the service that is of more than one port, if there is one.
func manyPorts(service *v1alpha1.VirtualService) (part string, many bool) {
	if service.Spec.FirewallMark != nil {
		return "a service by firewall mark", true
	}
	for _, port := range service.Spec.Ports {
		if port.Port == 0 {
			return "port 0", true
		}
	}
	return "", false
}

// checkWithoutPort finds a health check that would not know which port to try. A ping needs none.
func checkWithoutPort(service *v1alpha1.VirtualService, pool *v1alpha1.RealServerPool) *Finding {
	part, many := manyPorts(service)
	if !many || pool.Spec.HealthCheck == nil || pool.Spec.HealthCheck.Port != 0 || pool.Spec.HealthCheck.Ping != nil {
		return nil
	}
	return &Finding{
		Condition: v1alpha1.ConditionAccepted,
		Reason:    v1alpha1.ReasonHealthCheckPort,
		Message: fmt.Sprintf("RealServerPool %s has a healthCheck without a port, but %s has none to check either; set healthCheck.port in the pool",
			pool.Name, part),
	}
}
