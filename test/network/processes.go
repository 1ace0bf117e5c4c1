// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// endProcesses ends all processes but this one in the network namespaces at the paths. It looks again until there is
// none, since a process that is about to end may have made another.
func endProcesses(namespaces []string) error {
	inside := map[inode]bool{}
	for _, path := range namespaces {
		if id, ok := identify(path); ok {
			inside[id] = true
		}
	}
	for range 10 {
		pids, err := processesIn(inside)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			if err := endProcess(pid); err != nil {
				return fmt.Errorf("end process %d on a test host: %w", pid, err)
			}
		}
	}
	return errors.New("processes on test hosts keep making new ones")
}

// inode tells namespaces apart, as namespaces(7) says.
type inode struct{ device, number uint64 }

func identify(path string) (inode, bool) {
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return inode{}, false
	}
	return inode{device: stat.Dev, number: stat.Ino}, true
}

// processesIn leaves out processes that are gone or have only their exit code left: those are in no namespace.
func processesIn(namespaces map[inode]bool) ([]int, error) {
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(filepath.Base(entry))
		if err != nil || pid == os.Getpid() {
			continue
		}
		if id, ok := identify(filepath.Join(entry, "ns/net")); ok && namespaces[id] {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// endProcess kills a process and waits for its end.
func endProcess(pid int) error {
	handle, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) { // it is gone, or about to be: it leads no thread any more
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(handle) }()
	if err := unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, int(time.Until(deadline).Milliseconds()))
		if ready == 1 {
			return nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
	return errors.New("still there 5 s after SIGKILL")
}
