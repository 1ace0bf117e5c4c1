// SPDX-License-Identifier: Apache-2.0

package vrrp

// State is one of the three of RFC 9568 section 6.3.
type State uint8

const (
	// Initialize waits for Start: not begun, shut down, or without a usable interface (keepalived's FAULT).
	Initialize State = iota
	// Backup watches the Active (keepalived's BACKUP).
	Backup
	// Active holds the virtual addresses (keepalived's MASTER).
	Active
)

// String returns the RFC's name of the state.
func (s State) String() string {
	switch s {
	case Initialize:
		return "Initialize"
	case Backup:
		return "Backup"
	case Active:
		return "Active"
	}
	return "unknown"
}
