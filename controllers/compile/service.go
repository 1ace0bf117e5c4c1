// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// ServiceID is the id of a compiled service: namespace/name/part, where part is one of [PartNames].
func ServiceID(service types.NamespacedName, part string) string {
	return service.String() + "/" + part
}

// compileServices makes one compiled service a port, or one of the mark, of each served service, by id.
func (w *world) compileServices(sets map[types.NamespacedName]v1alpha1.PoolSet) map[string]v1alpha1.CompiledService {
	compiled := make(map[string]v1alpha1.CompiledService, len(w.served))
	for _, offered := range w.served {
		service := offered.VirtualService
		common := compileCommon(service)
		common.Pool = sets[poolKey(service)]
		if mark := service.Spec.FirewallMark; mark != nil {
			made := compileMark(common, mark, service.Spec.Drain)
			made.ID = ServiceID(keyOf(service), MarkName)
			compiled[made.ID] = made
			continue
		}
		for _, port := range service.Spec.Ports {
			made := compilePort(common, port, service.Spec.Drain)
			made.ID = ServiceID(keyOf(service), port.Name)
			made.Address = service.Spec.Address
			compiled[made.ID] = made
		}
	}
	return compiled
}

// compileCommon is what all ports of a service have in common.
func compileCommon(service *v1alpha1.VirtualService) v1alpha1.CompiledService {
	common := v1alpha1.CompiledService{
		Generation:          service.Generation,
		Family:              familyOf(service),
		Scheduler:           cmp.Or(service.Spec.Scheduler, defaultScheduler),
		SchedulerFlags:      slices.Sorted(slices.Values(service.Spec.SchedulerFlags)),
		ForwardingMethod:    methodOf(service),
		Tunnel:              compileTunnel(service.Spec.Tunnel),
		OnePacketScheduling: service.Spec.OnePacketScheduling,
	}
	compileConsequences(service.Spec, &common)
	if persistence := service.Spec.Persistence; persistence != nil {
		common.PersistenceSeconds = wholeSeconds(orDuration(persistence.Timeout, defaultPersistence))
		common.PersistencePrefixLength = persistence.PrefixLength
		common.PersistenceEngine = persistence.Engine
	}
	return common
}

func compilePort(common v1alpha1.CompiledService, port v1alpha1.ServicePort, drain *v1alpha1.Drain) v1alpha1.CompiledService {
	common.Port = port.Port
	common.Protocol = protocolOf(port)
	common.ApplicationHelper = port.ApplicationHelper
	common.DrainSeconds = drainOf(drain, common.Protocol)
	return common
}

// compileMark waits the longest drain: one service carries every protocol.
func compileMark(common v1alpha1.CompiledService, mark *v1alpha1.FirewallMark, drain *v1alpha1.Drain) v1alpha1.CompiledService {
	common.Mark = mark.Mark
	common.Match = compileMatch(mark.Match)
	for _, protocol := range []v1alpha1.Protocol{v1alpha1.ProtocolTCP, v1alpha1.ProtocolUDP, v1alpha1.ProtocolSCTP} {
		common.DrainSeconds = max(common.DrainSeconds, drainOf(drain, protocol))
	}
	return common
}

func compileTunnel(tunnel *v1alpha1.TunnelOptions) *v1alpha1.CompiledTunnel {
	if tunnel == nil {
		return nil
	}
	return &v1alpha1.CompiledTunnel{
		Type:     cmp.Or(tunnel.Type, defaultTunnelType),
		Port:     tunnel.Port,
		Checksum: cmp.Or(tunnel.Checksum, defaultTunnelChecksum),
	}
}

// drainOf is the drain time of a protocol in seconds.
func drainOf(drain *v1alpha1.Drain, protocol v1alpha1.Protocol) int32 {
	drain = cmp.Or(drain, &v1alpha1.Drain{})
	switch protocol {
	case v1alpha1.ProtocolUDP:
		return wholeSeconds(or(drain.UDP, metav1.Duration{Duration: defaultDrainUDP}))
	case v1alpha1.ProtocolSCTP:
		return wholeSeconds(or(drain.SCTP, metav1.Duration{Duration: defaultDrainSCTP}))
	default:
		return wholeSeconds(or(drain.TCP, metav1.Duration{Duration: defaultDrainTCP}))
	}
}

// serviceSlices places the compiled services. The stem of the slices' names is the group's name: nothing but the ordinal
// follows, so that no two groups can mean the same slice.
func serviceSlices(g string, previous []*v1alpha1.ServiceSlice, compiled map[string]v1alpha1.CompiledService) []v1alpha1.ServiceSlice {
	placed := place(previousServices(g, previous), sortedKeys(compiled), v1alpha1.MaxServicesPerSlice)
	out := make([]v1alpha1.ServiceSlice, 0, len(placed))
	for _, ordinal := range sortedKeys(placed) {
		slice := v1alpha1.ServiceSlice{
			ObjectMeta: sliceMeta(g, sliceName(g, ordinal)),
			Spec:       v1alpha1.ServiceSliceSpec{DirectorGroup: g},
		}
		for _, id := range sortedCopy(placed[ordinal]) {
			slice.Spec.Services = append(slice.Spec.Services, compiled[id])
		}
		out = append(out, slice)
	}
	return out
}

func previousServices(g string, previous []*v1alpha1.ServiceSlice) placement {
	stood := placement{}
	for _, slice := range previous {
		ordinal, ok := sliceOrdinal(g, slice.Name)
		if !ok || slice.Spec.DirectorGroup != g {
			continue
		}
		for _, service := range slice.Spec.Services {
			stood[ordinal] = append(stood[ordinal], service.ID)
		}
	}
	return stood
}

func sliceMeta(g, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.DirectorGroupLabel: g}}
}

func poolKey(service *v1alpha1.VirtualService) types.NamespacedName {
	return types.NamespacedName{Namespace: service.Namespace, Name: service.Spec.RealServerPool}
}

func protocolOf(port v1alpha1.ServicePort) v1alpha1.Protocol {
	return cmp.Or(port.Protocol, v1alpha1.ProtocolTCP)
}

func methodOf(service *v1alpha1.VirtualService) v1alpha1.ForwardingMethod {
	return cmp.Or(service.Spec.ForwardingMethod, v1alpha1.DirectRouting)
}
