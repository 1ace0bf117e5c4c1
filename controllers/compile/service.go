// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// ServiceID is the id of the compiled service of one port: namespace/name/port.
func ServiceID(service types.NamespacedName, port string) string {
	return service.String() + "/" + port
}

// compileServices makes one compiled service a port of each served service, by id.
func (w *world) compileServices(sets map[types.NamespacedName]v1alpha1.PoolSet) map[string]v1alpha1.CompiledService {
	compiled := make(map[string]v1alpha1.CompiledService, len(w.served))
	for _, service := range w.served {
		set := sets[poolKey(service)]
		for _, port := range service.Spec.Ports {
			id := ServiceID(keyOf(service), port.Name)
			compiled[id] = v1alpha1.CompiledService{
				ID:                 id,
				Generation:         service.Generation,
				Address:            service.Spec.Address,
				Port:               port.Port,
				Protocol:           protocolOf(port),
				Scheduler:          cmp.Or(service.Spec.Scheduler, defaultScheduler),
				ForwardingMethod:   methodOf(service),
				PersistenceSeconds: persistenceOf(service),
				Pool:               set,
			}
		}
	}
	return compiled
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

func persistenceOf(service *v1alpha1.VirtualService) int32 {
	if service.Spec.Persistence == nil {
		return 0
	}
	return int32(orDuration(service.Spec.Persistence.Timeout, defaultPersistence).Duration / time.Second)
}
