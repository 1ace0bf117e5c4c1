// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/hex"
	"strconv"
)

// mostQuoted is how many bytes of an answer a reason repeats.
const mostQuoted = 40

// quote is the beginning of what a real server sent, as it may stand in a line of a log.
func quote(heard []byte) string {
	if len(heard) > mostQuoted {
		return strconv.QuoteToASCII(string(heard[:mostQuoted])) + "..."
	}
	return strconv.QuoteToASCII(string(heard))
}

// quoteHex is the same in hexadecimal digits.
func quoteHex(heard []byte) string {
	if len(heard) > mostQuoted {
		return hex.EncodeToString(heard[:mostQuoted]) + "..."
	}
	return hex.EncodeToString(heard)
}
