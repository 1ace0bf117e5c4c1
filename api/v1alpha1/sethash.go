// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// SetHash is the hash by which a compiled service names the complete set of RealServerSlices of its pool and group: the
// first 8 bytes of the SHA-256 of the slices' names, sorted and each ended by a newline, in 16 lower-case hexadecimal
// digits. The order of the names does not matter, and the argument is not changed. The controller writes it and the agent
// compares it, so it changes only together with the API's version.
func SetHash(sliceNames []string) string {
	sorted := slices.Clone(sliceNames)
	slices.Sort(sorted)
	hash := sha256.New()
	for _, name := range sorted {
		hash.Write([]byte(name + "\n"))
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}
