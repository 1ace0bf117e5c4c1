// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// RealServerPool is the status of a pool that services virtual services name. A pool that the API server took is accepted;
// what does not fit a service is said on that service.
func RealServerPool(pool *v1alpha1.RealServerPool, services int, now metav1.Time) v1alpha1.RealServerPoolStatus {
	c := newConditions(pool.Status.Conditions, pool.Generation, now)
	c.set(v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted,
		fmt.Sprintf("%s for %s", count(len(pool.Spec.Members), "real server"), count(services, "virtual service")))
	return v1alpha1.RealServerPoolStatus{
		ObservedGeneration: pool.Generation,
		Members:            int32(len(pool.Spec.Members)), // 4096 at most
		VirtualServices:    int32(services),               // services of one namespace
		Conditions:         c.list,
	}
}
