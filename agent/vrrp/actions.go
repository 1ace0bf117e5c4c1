// SPDX-License-Identifier: Apache-2.0

package vrrp

import "strings"

// Actions is what one input of an [Instance] asks its caller to do, any of the constants or'ed together, in the order
// of the constants. Zero is nothing.
type Actions uint8

const (
	// Advertise asks to send [Instance.Advertisement].
	Advertise Actions = 1 << iota
	// Resign asks to send [Instance.Resignation].
	Resign
	// Transition says that [Instance.State] changed.
	Transition
	// Announce asks to send a gratuitous ARP for each virtual address, once the addresses are on the interface.
	Announce
	// Want says that a Backup would become Active but waits for [Instance.Claim]: see [Config].Waits.
	Want
)

// Has reports whether all of want is asked for.
func (a Actions) Has(want Actions) bool { return a&want == want }

// String lists the actions: "advertise, transition, announce", or "nothing".
func (a Actions) String() string {
	var names []string
	for i, name := range [...]string{"advertise", "resign", "transition", "announce", "want"} {
		if a.Has(1 << i) {
			names = append(names, name)
		}
	}
	if names == nil {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
