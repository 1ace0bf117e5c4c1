// SPDX-License-Identifier: Apache-2.0

package probe

import "github.com/lvs-operator/lvs-operator/agent/health/check"

// mostPrepared bounds what is kept ready: more checks than that are made ready again and again.
const mostPrepared = 4096

// prepared are checks made ready.
type prepared[R any] map[check.Check]R

// of is a check made ready, by prepare if it is not yet.
func (p prepared[R]) of(c check.Check, prepare func() R) R {
	r, ready := p[c]
	if !ready {
		if len(p) >= mostPrepared {
			clear(p)
		}
		r = prepare()
		p[c] = r
	}
	return r
}
