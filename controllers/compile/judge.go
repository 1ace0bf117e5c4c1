// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// world is a snapshot that has been looked at as a whole.
type world struct {
	groups map[string]*group
	pools  map[types.NamespacedName]*v1alpha1.RealServerPool
	fixed  map[types.NamespacedName][]fixedPort // by pool
	// verdicts are those of the compiled group's services, served the ones among them that are carried out, by age.
	verdicts map[types.NamespacedName]Verdict
	served   []*v1alpha1.VirtualService
}

// judge decides which groups and services are carried out. Services of other groups take part because an older one of
// them may have an address that this group's services want.
func judge(s Snapshot) *world {
	w := &world{
		groups:   judgeGroups(s.Groups, s.Nodes),
		pools:    make(map[types.NamespacedName]*v1alpha1.RealServerPool, len(s.Pools)),
		fixed:    make(map[types.NamespacedName][]fixedPort, len(s.Pools)),
		verdicts: map[types.NamespacedName]Verdict{},
	}
	for _, pool := range s.Pools {
		w.pools[keyOf(pool)] = pool
		w.fixed[keyOf(pool)] = fixedPorts(pool)
	}
	taken := newClaims()
	for _, service := range byAge(s.Services) {
		g, known := w.groups[service.Spec.DirectorGroup]
		if !known {
			continue
		}
		findings := w.judgeService(service, g, s.Namespaces[service.Namespace], taken)
		if g.Name != s.Group {
			continue
		}
		w.verdicts[keyOf(service)] = Verdict{Generation: service.Generation, Findings: findings}
		if len(findings) == 0 {
			w.served = append(w.served, service)
		}
	}
	return w
}

// judgeService lists what stands against the service, and has it take its address and ports if it is accepted.
func (w *world) judgeService(service *v1alpha1.VirtualService, g *group, namespaceLabels map[string]string, taken *claims) []Finding {
	if g.refused != nil {
		return []Finding{{
			Condition: v1alpha1.ConditionProgrammed,
			Reason:    v1alpha1.ReasonNotAccepted,
			Message:   fmt.Sprintf("DirectorGroup %s is not accepted: %s", g.Name, g.refused.Message),
		}}
	}
	var findings []Finding
	pool, found := w.pools[poolKey(service)]
	if !found {
		findings = append(findings, Finding{
			Condition: v1alpha1.ConditionResolvedRefs,
			Reason:    v1alpha1.ReasonRealServerPoolNotFound,
			Message: fmt.Sprintf("RealServerPool %s does not exist in namespace %s; create it or correct realServerPool",
				service.Spec.RealServerPool, service.Namespace),
		})
	}
	refused := g.addressRefusal(service.Spec.Address, service.Namespace, namespaceLabels)
	if refused == nil && found {
		refused = portMismatch(service, pool, w.fixed[poolKey(service)])
	}
	if refused == nil {
		refused = taken.take(service)
	}
	if refused != nil {
		findings = append(findings, *refused)
	}
	return findings
}

// portMismatch finds a real server port that no packet would reach: DirectRouting and Tunnel leave the port as it is.
func portMismatch(service *v1alpha1.VirtualService, pool *v1alpha1.RealServerPool, fixed []fixedPort) *Finding {
	method := methodOf(service)
	if method == v1alpha1.NAT {
		return nil
	}
	for _, member := range fixed {
		for _, port := range service.Spec.Ports {
			if member.port != port.Port {
				return &Finding{
					Condition: v1alpha1.ConditionAccepted,
					Reason:    v1alpha1.ReasonPortMismatch,
					Message: fmt.Sprintf("real server %s of RealServerPool %s listens on port %d and port %s is %d, but %s cannot change the port; leave the member's port out, or set forwardingMethod: NAT",
						member.address, pool.Name, member.port, port.Name, port.Port, method),
				}
			}
		}
	}
	return nil
}

// fixedPort is a port that a pool gives to a member, and the first such member.
type fixedPort struct {
	port    int32
	address v1alpha1.IPAddress
}

func fixedPorts(pool *v1alpha1.RealServerPool) []fixedPort {
	var fixed []fixedPort
	seen := map[int32]bool{}
	for _, member := range pool.Spec.Members {
		if member.Port != nil && !seen[*member.Port] {
			seen[*member.Port] = true
			fixed = append(fixed, fixedPort{*member.Port, member.Address})
		}
	}
	return fixed
}

// keyed is an object with a namespace and a name.
type keyed interface {
	GetNamespace() string
	GetName() string
}

func keyOf(object keyed) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}
