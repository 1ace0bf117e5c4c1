// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

// MostConcurrent is how many checks may run at the same time in this process: half of the files that it may open (RLIMIT_NOFILE), and no
// more than monitor.DefaultMaxConcurrent. The other half is for all else that it does: real servers that hang must not keep a director
// from its kernel.
func MostConcurrent() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return monitor.DefaultMaxConcurrent
	}
	return int(max(1, min(limit.Cur/2, monitor.DefaultMaxConcurrent)))
}
