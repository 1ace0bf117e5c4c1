// SPDX-License-Identifier: Apache-2.0

package serving

// quorum is whether a service has its quorum.
type quorum uint8

const (
	// undecided is that of a service whose real servers were not all checked yet.
	undecided quorum = iota
	held
	lost
)

// follow is what becomes of it with the weight of the real servers that are healthy now.
func (q quorum) follow(p Policy, weight uint64) quorum {
	need := uint64(p.Quorum)
	switch q {
	case held:
		need -= uint64(p.Hysteresis)
	case lost:
		need += uint64(p.Hysteresis)
	}
	if weight < need {
		return lost
	}
	return held
}
