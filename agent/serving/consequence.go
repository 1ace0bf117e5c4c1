// SPDX-License-Identifier: Apache-2.0

package serving

import "fmt"

// Consequence is what the health of the real servers has led to, beyond that some of them do not serve.
type Consequence uint8

const (
	// None is that those serve which are healthy.
	None Consequence = iota
	// SendsToAll is that all serve, as so few are healthy that the checks are not believed: Policy.Guard.
	SendsToAll
	// QuorumLost is that the quorum is lost, and that those serve which are healthy.
	QuorumLost
	// Withdrawn is QuorumLost, and the virtual IP is to be taken away.
	Withdrawn
	// Apologizes is that the quorum is lost and the sorry server serves alone.
	Apologizes
)

// String says it in an operator's words.
func (c Consequence) String() string {
	switch c {
	case None:
		return "the healthy real servers serve"
	case SendsToAll:
		return "too few real servers are healthy to believe it: all get connections (panicThreshold)"
	case QuorumLost:
		return "the quorum is lost"
	case Withdrawn:
		return "the quorum is lost: the virtual IP is withdrawn"
	case Apologizes:
		return "the quorum is lost: the sorry server gets the connections"
	default:
		return fmt.Sprintf("consequence %d", uint8(c))
	}
}
