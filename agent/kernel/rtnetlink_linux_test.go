// SPDX-License-Identifier: Apache-2.0

package kernel

import "testing"

func FuzzAttributesNeverPanic(f *testing.F) {
	f.Add([]byte{8, 0, 1, 0, 192, 0, 2, 1})
	f.Add([]byte{5, 0, 1, 0, 7}) // without its padding
	f.Add([]byte{3, 0, 1, 0})
	f.Fuzz(func(_ *testing.T, message []byte) {
		if a, err := decodeAttributes(message); err == nil {
			_, _ = localAddress(a)
		}
	})
}
