// SPDX-License-Identifier: Apache-2.0

package check

import "strconv"

// mostQuoted is how many bytes of an answer a reason repeats.
const mostQuoted = 40

// quote is the beginning of what a real server sent, as it may stand in a line of a log.
func quote(heard []byte) string {
	if len(heard) > mostQuoted {
		return strconv.QuoteToASCII(string(heard[:mostQuoted])) + "..."
	}
	return strconv.QuoteToASCII(string(heard))
}
