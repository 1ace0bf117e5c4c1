// SPDX-License-Identifier: Apache-2.0

package probe

import "github.com/lvs-operator/lvs-operator/agent/health/check"

// A dialogue reads all that came from its beginning each time. At each of so many reads it does, and as long as what came is so little, in
// bytes, that this costs no more than the read: a real server that sends byte by byte may wait for the director to speak.
const (
	judgedReads = 32
	judgedBytes = 1 << 10
)

// hear lets the dialogue judge what came. Of a real server that drips it does so only when what came has grown by a quarter since, at the end,
// and when the time is over: a drip must not cost the checks of all others more than its own bytes.
func (c *conversation) hear(heard []byte, end bool) check.Answer {
	c.reads++
	if !end && c.reads > judgedReads && len(heard) > judgedBytes && 4*(len(heard)-c.judged) < c.judged {
		return check.Answer{}
	}
	c.judged = len(heard)
	return c.dialogue.Hear(c.said, heard, end)
}
