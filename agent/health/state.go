// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// State is what the checks say of a real server.
type State uint8

// The states. Only Up may carry weight.
const (
	// Unknown is a real server whose first check has not finished. It counts as down.
	Unknown State = iota
	// Down is a real server that failed its first check, or a check and all its retries, and has not come up since.
	Down
	// Up is a real server that passed a check and has not gone down since, or that was adopted as up.
	Up
)

// String returns "unknown", "down" or "up".
func (s State) String() string {
	switch s {
	case Unknown:
		return "unknown"
	case Down:
		return "down"
	case Up:
		return "up"
	default:
		return fmt.Sprintf("state %d", uint8(s))
	}
}

// Status is what is known of one target at one moment.
type Status struct {
	// State is the verdict.
	State State
	// Checked says that at least one check finished with a result. Not so for a target just adopted as up.
	Checked bool
	// Since is when State began.
	Since time.Time
	// Reason says why the last check did not pass, as in "connection refused", or why the target is Down though it passed; empty otherwise,
	// and when none finished. A target may be Up with a Reason: its retries are not used up.
	Reason string
	// Weight is what the answer to the last passed check gave; none if it gave none.
	Weight check.Weight
	// Latency is how long the last finished check took; 0 when none finished.
	Latency time.Duration
}
