// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"slices"
	"strconv"
	"strings"
)

// placement is which keys stand in which slice, by the slice's ordinal.
type placement map[int][]string

// place puts each wanted key in a slice of at most limit keys. A key that stands in a slice stays there; a new one takes
// the first slice with room, else the lowest ordinal that is free. A slice that loses its last key goes away. No key's
// coming or going moves another one.
func place(previous placement, wanted []string, limit int) placement {
	unplaced := make(map[string]bool, len(wanted))
	for _, key := range wanted {
		unplaced[key] = true
	}
	placed := placement{}
	for _, ordinal := range sortedKeys(previous) {
		for _, key := range sortedCopy(previous[ordinal]) {
			if unplaced[key] && len(placed[ordinal]) < limit {
				placed[ordinal] = append(placed[ordinal], key)
				delete(unplaced, key)
			}
		}
	}
	ordinal := 0
	for _, key := range sortedKeys(unplaced) {
		for len(placed[ordinal]) >= limit {
			ordinal++
		}
		placed[ordinal] = append(placed[ordinal], key)
	}
	return placed
}

// sliceName is the name of a slice: its stem, a dash and its ordinal.
func sliceName(stem string, ordinal int) string { return stem + "-" + strconv.Itoa(ordinal) }

// sliceOrdinal reads what [sliceName] wrote.
func sliceOrdinal(stem, name string) (ordinal int, ok bool) {
	digits, ok := strings.CutPrefix(name, stem+"-")
	if !ok {
		return 0, false
	}
	ordinal, err := strconv.Atoi(digits)
	return ordinal, err == nil && ordinal >= 0 && strconv.Itoa(ordinal) == digits
}

func sortedCopy(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return out
}
