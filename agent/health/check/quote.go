// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/hex"
	"strconv"
)

// mostQuoted is how many bytes of an answer a reason repeats, and mostQuotedOfError how many of what a library says of one.
const (
	mostQuoted        = 40
	mostQuotedOfError = 160
)

// Quote is the beginning of what a real server sent, as it may stand in a line of a log.
func Quote(heard []byte) string {
	return quoted(string(heard[:min(len(heard), mostQuoted+1)]), mostQuoted)
}

// QuoteError is the beginning of an error that may repeat what a real server sent, as it may stand in a line of a log.
func QuoteError(text string) string { return quoted(text, mostQuotedOfError) }

func quoted(text string, most int) string {
	if len(text) > most {
		return strconv.QuoteToASCII(text[:most]) + "..."
	}
	return strconv.QuoteToASCII(text)
}

// quoteHex is the same in hexadecimal digits.
func quoteHex(heard []byte) string {
	if len(heard) > mostQuoted {
		return hex.EncodeToString(heard[:mostQuoted]) + "..."
	}
	return hex.EncodeToString(heard)
}
