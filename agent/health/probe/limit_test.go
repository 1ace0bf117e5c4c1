// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

func TestChecksTakeNoMoreThanHalfOfTheFiles(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &before) }()
	for files, want := range map[uint64]int{256: 128, 1: 1, before.Max: int(min(before.Max/2, monitor.DefaultMaxConcurrent))} {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: files, Max: before.Max}); err != nil {
			t.Fatal(err)
		}
		if got := MostConcurrent(); got != want {
			t.Errorf("with %d files: %d checks, want %d", files, got, want)
		}
	}
}
