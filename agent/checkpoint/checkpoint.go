// SPDX-License-Identifier: Apache-2.0

// Package checkpoint keeps on disk what an agent needs to serve with no API server: its last desired state, with the VRRP
// passwords in clear text, and what to restore when it lets go. Its file has mode 0600 in a directory of mode 0700. It never
// decides what is in force.
package checkpoint

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/desired"
)

// Checkpoint is what an agent knows and could not find out again.
type Checkpoint struct {
	// State is the last good desired state, passwords included.
	State desired.State
	// Passwords hold at least those that State uses. Only those are kept.
	Passwords desired.Passwords
	// Found is plan.In.Found: a sysctl's value before the first write of ours.
	Found map[string]string
	// Owned is plan.In.Owned: the networks that may hold IPVS services of ours, those of groups that this node has left
	// included.
	Owned []netip.Prefix
}

// Equal says whether two checkpoints hold the same.
func (c Checkpoint) Equal(other Checkpoint) bool {
	return c.State.Equal(other.State) &&
		maps.Equal(c.Passwords.Of(c.State), other.Passwords.Of(other.State)) &&
		maps.Equal(c.Found, other.Found) &&
		slices.Equal(c.Owned, other.Owned)
}
