// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// advise adds to the kernel's answer what to do about it, where that is known.
func advise(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w: the agent needs the capability NET_ADMIN and a writable /proc/sys/net", err)
	case errors.Is(err, unix.ENODEV):
		return fmt.Errorf("%w: the interface does not exist on this node; correct its name or create it", err)
	case errors.Is(err, unix.EAGAIN):
		return fmt.Errorf("no answer from the kernel within %s: %w", answerTimeout, err)
	default:
		return err
	}
}
