// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"time"
)

// Posted is a check that is made by one datagram, and the one that answers it.
type Posted interface {
	Check
	// Exchange is the check made ready. It is made once for many real servers; the check is valid.
	Exchange() Exchange
}

// Exchange is a datagram and the judgement on what answers it. Its methods are functions of their arguments, and safe for concurrent use.
type Exchange interface {
	// Say is the datagram, which the caller does not change.
	Say() []byte
	// Hear judges the first datagram that came: nil passes, else it is why not, in an operator's words and without the address.
	Hear(datagram []byte) error
	// Silence judges that none came within timeout.
	Silence(timeout time.Duration) error
}

// NoAnswer is the failure of a check that nothing answered within its timeout.
func NoAnswer(timeout time.Duration) error { return fmt.Errorf("no answer within %v", timeout) }
