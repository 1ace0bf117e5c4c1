// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// world is a snapshot that has been looked at as a whole.
type world struct {
	groups  map[string]*group
	pools   map[types.NamespacedName]*v1alpha1.RealServerPool
	samples map[types.NamespacedName][]sample // by pool
	// unusable are the pools whose health check cannot be carried out, and why.
	unusable map[types.NamespacedName]Finding
	// verdicts are those of the compiled group's services, served the ones among them that are carried out, by age.
	verdicts map[types.NamespacedName]Verdict
	served   []offer
}

// judge decides which groups and services are carried out. Services of other groups take part because an older one of
// them may have an address that this group's services want.
func judge(s Snapshot) *world {
	w := &world{
		groups:   judgeGroups(s),
		pools:    make(map[types.NamespacedName]*v1alpha1.RealServerPool, len(s.Pools)),
		samples:  make(map[types.NamespacedName][]sample, len(s.Pools)),
		unusable: map[types.NamespacedName]Finding{},
		verdicts: map[types.NamespacedName]Verdict{},
	}
	for _, pool := range s.Pools {
		w.pools[keyOf(pool)] = pool
		w.samples[keyOf(pool)] = samples(pool)
		if refused := checkRefusal(pool); refused != nil {
			w.unusable[keyOf(pool)] = *refused
		}
	}
	taken := newClaims()
	for _, service := range byAge(s.Services) {
		g, known := w.groups[service.Spec.DirectorGroup]
		if !known {
			continue
		}
		ns := namespace{service.Namespace, s.Namespaces[service.Namespace]}
		o := offerOf(service, g, ns)
		findings := w.judgeService(o, g, ns, taken)
		if g.Name != s.Group {
			continue
		}
		verdict := Verdict{Generation: service.Generation, Findings: findings}
		if verdict.OK() {
			verdict.Addresses = o.carried
			w.served = append(w.served, o)
		}
		w.verdicts[keyOf(service)] = verdict
	}
	return w
}

// judgeService lists what stands against the service, and has it take its addresses and ports or mark if it is accepted.
func (w *world) judgeService(service offer, g *group, ns namespace, taken *claims) []Finding {
	if g.refused != nil {
		return []Finding{{
			Condition: v1alpha1.ConditionProgrammed,
			Reason:    v1alpha1.ReasonNotAccepted,
			Message:   fmt.Sprintf("DirectorGroup %s is not accepted: %s", g.Name, g.refused.Message),
		}}
	}
	var findings []Finding
	pool, found := w.pools[poolKey(service.VirtualService)]
	if !found {
		findings = append(findings, Finding{
			Condition: v1alpha1.ConditionResolvedRefs,
			Reason:    v1alpha1.ReasonRealServerPoolNotFound,
			Message: fmt.Sprintf("RealServerPool %s does not exist in namespace %s; create it or correct realServerPool",
				service.Spec.RealServerPool, service.Namespace),
		})
	}
	refused := g.identityRefusal(service.Spec, ns)
	if refused == nil && found {
		refused = membersRefusal(service.VirtualService, g, pool, w.samples[keyOf(pool)])
	}
	if unusable, is := w.unusable[poolKey(service.VirtualService)]; is && refused == nil {
		refused = &unusable
	}
	if refused == nil {
		refused = taken.take(service, g)
	}
	if refused != nil {
		findings = append(findings, *refused)
	}
	return findings
}

// identityRefusal says why a service of the namespace may not use its address or mark in this group; nil: it may.
func (g *group) identityRefusal(spec v1alpha1.VirtualServiceSpec, ns namespace) *Finding {
	if spec.FirewallMark == nil {
		return g.addressRefusal(spec.Address, ns)
	}
	if refused := g.markRefusal(spec.FirewallMark, ns); refused != nil || spec.Address == "" {
		return refused
	}
	return g.addressRefusal(spec.Address, ns)
}

// keyed is an object with a namespace and a name.
type keyed interface {
	GetNamespace() string
	GetName() string
}

func keyOf(object keyed) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}
