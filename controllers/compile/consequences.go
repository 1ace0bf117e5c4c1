// SPDX-License-Identifier: Apache-2.0

package compile

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// compileConsequences fills in what follows from the health of the real servers.
func compileConsequences(spec v1alpha1.VirtualServiceSpec, to *v1alpha1.CompiledService) {
	quorum := or(spec.Quorum, v1alpha1.Quorum{})
	to.Quorum = v1alpha1.CompiledQuorum{
		Weight: or(quorum.Weight, defaultQuorum), Hysteresis: quorum.Hysteresis, WithdrawAddress: quorum.WithdrawAddress,
	}
	to.InhibitOnFailure, to.PanicThreshold = spec.InhibitOnFailure, spec.PanicThreshold
	to.SlowStartSeconds = wholeSeconds(or(spec.SlowStart, metav1.Duration{}))
	if sorry := spec.SorryServer; sorry != nil {
		member := compileMember(sorryMember(sorry))
		to.SorryServer = &member
	}
}

// sorryMember is the sorry server as if it were a member of a pool.
func sorryMember(sorry *v1alpha1.SorryServer) v1alpha1.Member {
	return v1alpha1.Member{Address: sorry.Address, Port: sorry.Port, ForwardingMethod: sorry.ForwardingMethod, Tunnel: sorry.Tunnel}
}
