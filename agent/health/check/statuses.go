// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"strconv"
	"strings"
)

// Statuses are HTTP statuses and ranges of them, as in "200-299,401"; empty: 200 to 299.
type Statuses string

const successful = "200-299"

// String is the list, also where it is empty.
func (s Statuses) String() string {
	if s == "" {
		return successful
	}
	return string(s)
}

// Has says whether a status is one of them.
func (s Statuses) Has(status int) bool {
	for part := range strings.SplitSeq(s.String(), ",") {
		if low, high, err := statusRange(part); err == nil && low <= status && status <= high {
			return true
		}
	}
	return false
}

// Validate says which part is none.
func (s Statuses) Validate() error {
	for part := range strings.SplitSeq(s.String(), ",") {
		if _, _, err := statusRange(part); err != nil {
			return err
		}
	}
	return nil
}

func statusRange(text string) (low, high int, err error) {
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	low, lowErr := strconv.Atoi(from)
	high, highErr := strconv.Atoi(to)
	if lowErr != nil || highErr != nil || low < 100 || high > 599 || low > high {
		return 0, 0, fmt.Errorf("status %q: want one from 100 to 599, or a range as in 200-299", text)
	}
	return low, high, nil
}
