// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"time"
)

// Request names the program to run.
type Request struct {
	// Token is the secret that server and client share.
	Token string `json:"token"`
	// Args is the program, found through the server's PATH, and its arguments. No Args at all asks only whether the
	// server is there; the answer is exit code 0.
	Args []string `json:"args,omitempty"`
	// Env holds NAME=value pairs that are added to the server's environment and win over it.
	Env []string `json:"env,omitempty"`
	// Dir is the program's working directory; empty means the server's.
	Dir string `json:"dir,omitempty"`
	// Now is the client's wall clock; a zero Now tells nothing.
	Now time.Time `json:"now,omitzero"`
}

// ExitError says that the program ran and did not exit with 0.
type ExitError struct {
	// Code is the exit code, 1 to 255. For a program that a signal ended it is 128 plus the signal's number, as in a
	// shell.
	Code int
	// Signal is the number of the signal that ended the program, or 0.
	Signal int
}

func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return fmt.Sprintf("ended by signal %d", e.Signal)
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// exitResult returns nil for success.
func exitResult(code, signal byte) error {
	switch {
	case signal != 0:
		return &ExitError{Code: 128 + int(signal), Signal: int(signal)}
	case code != 0:
		return &ExitError{Code: int(code)}
	}
	return nil
}
