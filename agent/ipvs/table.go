// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"slices"
	"strings"
)

// Entry is one service and its destinations.
type Entry struct {
	Service      Service       `json:"service"`
	Destinations []Destination `json:"destinations,omitempty"`
}

// Table is services by key, each with its destinations by key: in the order in which `ipvsadm -S -n` prints them. Sort brings one into this order.
type Table []Entry

// Sort orders the table and the destinations of each of its services in place.
func (t Table) Sort() {
	slices.SortFunc(t, func(a, b Entry) int { return a.Service.Key.Compare(b.Service.Key) })
	for _, entry := range t {
		slices.SortFunc(entry.Destinations, Destination.Compare)
	}
}

// Equal says whether two sorted tables have the same services and destinations with the same values. No destinations and
// an empty list of them are the same.
func (t Table) Equal(other Table) bool {
	return slices.EqualFunc(t, other, func(a, b Entry) bool {
		return a.Service == b.Service && slices.Equal(a.Destinations, b.Destinations)
	})
}

// String is the table as `ipvsadm -S -n` prints it, a line a service and destination, each ended by a newline; and with the
// thresholds of connections, which ipvsadm reads from such lines but does not print.
func (t Table) String() string {
	var out strings.Builder
	for _, entry := range t {
		out.WriteString("-A " + entry.Service.String() + "\n")
		for _, destination := range entry.Destinations {
			out.WriteString("-a " + entry.Service.Key.Option() + " " + destination.String() + "\n")
		}
	}
	return out.String()
}
