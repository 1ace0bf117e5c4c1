// SPDX-License-Identifier: Apache-2.0

package checksum_test

import (
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/checksum"
)

func TestSumIsThatOfRFC1071(t *testing.T) {
	for _, tc := range []struct {
		name  string
		bytes []byte
		want  uint16
	}{
		{"nothing", nil, 0},
		{"the example of section 3", []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, 0xddf2},
		{"an odd byte", []byte{0x01, 0x02, 0x03}, 0x0402},
		{"a carry that makes a carry", []byte{0xff, 0xff, 0xff, 0xff, 0x00, 0x01}, 0x0001},
	} {
		if got := checksum.Fold(checksum.Sum(0, tc.bytes)); got != tc.want {
			t.Errorf("%s: %#04x, want %#04x", tc.name, got, tc.want)
		}
	}
}
