// SPDX-License-Identifier: Apache-2.0

package probe

import "github.com/lvs-operator/lvs-operator/agent/health/check"

// mostKept bounds what is kept ready: of more checks than that all are made ready again and again.
const mostKept = 4096

// kept are checks made ready.
type kept[Ready any] map[check.Check]Ready

// of returns what ready made of a check, or makes.
func (k kept[Ready]) of(c check.Check, ready func() Ready) Ready {
	r, made := k[c]
	if !made {
		if len(k) >= mostKept {
			clear(k)
		}
		r = ready()
		k[c] = r
	}
	return r
}
