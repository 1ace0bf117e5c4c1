// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"strconv"
)

// Weight is the one that a real server gives itself in an answer. The zero value: it gives none.
type Weight struct {
	Given bool
	// Value is 0 to MaxWeight.
	Value uint32
}

// MaxWeight is the greatest weight of a real server in IPVS.
const MaxWeight = 65535

// parseWeight reads a decimal number with white space around it. What is none, or too great, is no weight.
func parseWeight(text []byte) Weight {
	value, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 32)
	if err != nil || value > MaxWeight {
		return Weight{}
	}
	return Weight{Given: true, Value: uint32(value)}
}

// Weighs says whether answers to a check may give a weight.
func Weighs(c Check) bool {
	switch c := c.(type) {
	case HTTP:
		return c.weighs()
	case HTTPS:
		return c.HTTP.weighs()
	case H2C:
		return c.HTTP.weighs()
	}
	return false
}

func (c HTTP) weighs() bool { return c.WeightHeader != "" || c.WeightBody != "" }
