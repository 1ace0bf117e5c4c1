// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"errors"
	"fmt"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// The limits of a Policy, the same as those of a VirtualService in the API.
const (
	MaxSlowStart = time.Hour
	MaxGuard     = 100
)

// Policy says what follows from the health of a service's real servers. The zero value: one that is down is taken out, and that is all.
type Policy struct {
	// Inhibit leaves a real server that is down in the kernel with weight 0, so that its connections go on. keepalived:
	// inhibit_on_failure.
	Inhibit bool `json:"inhibit,omitempty"`
	// Quorum is the least sum of the weights of the healthy real servers with which the service has its quorum, and keeps it: Hysteresis
	// below that it is lost, Hysteresis above it comes back. 0: there always is a quorum. keepalived: quorum, hysteresis.
	Quorum uint32 `json:"quorum,omitempty"`
	// Hysteresis is 0 to Quorum - 1.
	Hysteresis uint32 `json:"hysteresis,omitempty"`
	// Withdraw takes the virtual IP away while the quorum is lost. Not together with Sorry or Guard.
	Withdraw bool `json:"withdraw,omitempty"`
	// Sorry gets the connections while the quorum is lost; without an address: there is none. keepalived: sorry_server.
	Sorry ipvs.Destination `json:"sorry,omitzero"`
	// Guard is a percentage, 0 to 100: while fewer of the real servers are healthy, connections go to all of them. 0: never. Not together
	// with Sorry.
	Guard uint8 `json:"guard,omitempty"`
	// SlowStart is how long the weight of a real server that has come up grows to the whole: 0 to MaxSlowStart.
	SlowStart time.Duration `json:"slowStart,omitempty"`
}

// Validate returns nil, or every limit that p breaks, joined into one error.
func (p Policy) Validate() error {
	var errs []error
	if p.Hysteresis > 0 && p.Hysteresis >= p.Quorum {
		errs = append(errs, fmt.Errorf("quorum hysteresis %d: want less than the quorum's weight, %d", p.Hysteresis, p.Quorum))
	}
	if p.Withdraw && p.hasSorry() {
		errs = append(errs, errors.New("a sorry server needs the virtual IP: it cannot be withdrawn at the same time"))
	}
	if p.Guard > MaxGuard {
		errs = append(errs, fmt.Errorf("panic threshold %d %%: want 0 to %d", p.Guard, MaxGuard))
	}
	if p.Guard > 0 && (p.hasSorry() || p.Withdraw) {
		errs = append(errs, errors.New("with a panic threshold connections go on to the real servers: neither a sorry server nor withdrawing the virtual IP goes together with it"))
	}
	if p.SlowStart < 0 || p.SlowStart > MaxSlowStart {
		errs = append(errs, fmt.Errorf("slow start of %v: want 0s to %v", p.SlowStart, MaxSlowStart))
	}
	return errors.Join(errs...)
}

func (p Policy) hasSorry() bool { return p.Sorry.Address.IsValid() }

// guards says whether so few are healthy that the checks are not believed.
func (p Policy) guards(healthy, all int) bool { return healthy*100 < int(p.Guard)*all }
