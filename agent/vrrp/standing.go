// SPDX-License-Identifier: Apache-2.0

package vrrp

// Standing is where a virtual router is in its election, in the detail that those need to know which move together with it.
type Standing uint8

const (
	// Absent is a router that has not been started yet.
	Absent Standing = iota
	// Faulty is a router in Initialize: its interface cannot be used.
	Faulty
	// Waiting is a Backup that knows of no Active, or only of one that it means to replace or that has resigned; its timer runs.
	Waiting
	// Following is a Backup that hears an Active.
	Following
	// Tied is the same where the Active's priority is its own, so that their addresses decide, which may decide otherwise on another link.
	Tied
	// Wanting is a Backup that would be Active now, for silence, but waits to be claimed: see Config.Waits.
	Wanting
	// Called is the same after an Active has resigned: nobody else has the role.
	Called
	// Holding is an Active.
	Holding
	standingLimit
)

// String returns the name in lower case: "wanting".
func (s Standing) String() string {
	names := [standingLimit]string{"absent", "faulty", "waiting", "following", "tied", "wanting", "called", "holding"}
	if s < standingLimit {
		return names[s]
	}
	return "unknown"
}

// Standing returns the present standing. It is never Absent.
func (i *Instance) Standing() Standing {
	switch {
	case i.state == Initialize:
		return Faulty
	case i.state == Active:
		return Holding
	case i.wants && i.resigned:
		return Called
	case i.wants:
		return Wanting
	case !i.active.IsValid() || i.resigned:
		return Waiting
	case i.activePriority == i.config.Priority:
		return Tied
	}
	return Following
}
