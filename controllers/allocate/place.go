// SPDX-License-Identifier: Apache-2.0

package allocate

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// MaxPlaces is how many directors of a group have a place.
const MaxPlaces = 64

// Places gives each director a place, from 0. A director among kept keeps the place that it has there. A place whose director is
// gone stays empty in effect, and goes to the next new one: so no director's coming or going moves another. New directors follow
// in an order that differs from group to group, so that not every group prefers the same ones.
func Places(group string, kept, directors []string) []string {
	selected := make(map[string]bool, len(directors))
	for _, director := range directors {
		selected[director] = true
	}
	places := slices.Clone(kept)
	var free []int
	for i, director := range places {
		if !selected[director] {
			free = append(free, i)
		}
		delete(selected, director)
	}
	for _, director := range inOrderOf(group, selected) {
		switch {
		case len(free) > 0:
			places[free[0]] = director
			free = free[1:]
		case len(places) < MaxPlaces:
			places = append(places, director)
		}
	}
	return places
}

// inOrderOf sorts directors as no other group does.
func inOrderOf(group string, directors map[string]bool) []string {
	sorted := make([]string, 0, len(directors))
	weight := make(map[string][sha256.Size]byte, len(directors))
	for director := range directors {
		sorted = append(sorted, director)
		weight[director] = sha256.Sum256([]byte(group + "/" + director))
	}
	slices.SortFunc(sorted, func(a, b string) int {
		x, y := weight[a], weight[b]
		return bytes.Compare(x[:], y[:])
	})
	return sorted
}
