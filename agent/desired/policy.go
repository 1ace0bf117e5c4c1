// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"fmt"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/serving"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// parsePolicy converts what follows from the health of a service's real servers.
func parsePolicy(key ipvs.ServiceKey, general forwarding, compiled *v1alpha1.CompiledService) (serving.Policy, error) {
	quorum := compiled.Quorum
	if quorum.Weight < 0 || quorum.Hysteresis < 0 || compiled.PanicThreshold < 0 || compiled.PanicThreshold > serving.MaxGuard || compiled.SlowStartSeconds < 0 {
		return serving.Policy{}, fmt.Errorf("quorum %d with hysteresis %d, panic threshold %d %%, slow start of %d s: want none below 0, and at most %d %%",
			quorum.Weight, quorum.Hysteresis, compiled.PanicThreshold, compiled.SlowStartSeconds, serving.MaxGuard)
	}
	policy := serving.Policy{
		Inhibit: compiled.InhibitOnFailure, Quorum: uint32(quorum.Weight), Hysteresis: uint32(quorum.Hysteresis), Withdraw: quorum.WithdrawAddress,
		Guard: uint8(compiled.PanicThreshold), SlowStart: time.Duration(compiled.SlowStartSeconds) * time.Second,
	}
	if compiled.SorryServer != nil {
		var err error
		if policy.Sorry, err = parseRealServer(key, general, compiled.SorryServer); err != nil {
			return serving.Policy{}, fmt.Errorf("sorry server %s: %w", compiled.SorryServer.Address, err)
		}
	}
	return policy, policy.Validate()
}
