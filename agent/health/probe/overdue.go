// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"time"
)

// The reasons of a check whose time is over, by how far it had come.

func notSecure(timeout time.Duration) error {
	return fmt.Errorf("connected, but no TLS handshake within %v", timeout)
}

func notAnswered(timeout time.Duration) error {
	return fmt.Errorf("connected, but no answer within %v", timeout)
}

func notComplete(timeout time.Duration, bytes int) error {
	return fmt.Errorf("the answer was not complete within %v: %d bytes came", timeout, bytes)
}
