// SPDX-License-Identifier: Apache-2.0

package serving

// Memory is what an agent has to keep of a service over a restart: what the present does not say. The zero value is that of a service
// of which nothing is known.
type Memory struct {
	// Held says that the quorum was there, and Lost that it was lost; neither: the real servers were not all checked yet.
	Held bool `json:"held,omitempty"`
	Lost bool `json:"lost,omitempty"`
	// Guarded says that connections went to all, as the checks were not believed.
	Guarded bool `json:"guarded,omitempty"`
}

// Kept is what of it has to be kept: nothing where a service goes on with it as with none.
func (m Memory) Kept(p Policy) Memory {
	if !m.Lost && !m.Guarded && (!m.Held || p.Hysteresis == 0) {
		return Memory{}
	}
	return m
}

// follow is what becomes of it with the real servers that are healthy now, of all.
func (m Memory) follow(p Policy, weight uint64, healthy, all int) Memory {
	need := uint64(p.Quorum)
	switch {
	case m.Held:
		need -= uint64(p.Hysteresis)
	case m.Lost:
		need += uint64(p.Hysteresis)
	}
	return Memory{Held: weight >= need, Lost: weight < need, Guarded: p.guards(healthy, all)}
}
