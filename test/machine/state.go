// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Names in a state folder.
const (
	stateName   = "machine.json"
	shareName   = "share"
	consoleName = "console.log"
)

// state is what Attach and Down know of a machine, in machine.json.
type state struct {
	Kind string `json:"kind"`
	// PID is qemu's process.
	PID int `json:"pid,omitempty"`
	// Port is the TCP port on 127.0.0.1 that qemu forwards to the command server.
	Port int `json:"port,omitempty"`
	// Kernel is the release that runs in the virtual machine.
	Kernel string `json:"kernel,omitempty"`
}

// stateDir returns the absolute path of the machine's folder, made where absent, and whether it is a temporary one.
func stateDir(options Options) (dir string, temporary bool, err error) {
	if options.StateDir == "" {
		dir, err = os.MkdirTemp("", "lvs-lab-")
		return dir, true, err
	}
	dir, err = filepath.Abs(options.StateDir)
	if err != nil {
		return "", false, fmt.Errorf("state folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", false, fmt.Errorf("state folder: %w", err)
	}
	return dir, false, nil
}

func writeState(dir string, s state) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write the machine's state: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, stateName), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the machine's state: %w", err)
	}
	return nil
}

func readState(dir string) (state, error) {
	var s state
	text, err := os.ReadFile(filepath.Join(dir, stateName))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("read the state of the machine in %s: %w", dir, err)
	}
	return s, nil
}

// Attach returns the machine that was opened with Detach and this state folder. Its Close leaves the machine running.
func Attach(dir string) (Machine, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("attach to machine: %w", err)
	}
	s, err := readState(dir)
	if err != nil {
		return nil, fmt.Errorf("attach to machine: %w", err)
	}
	if s.Kind == KindHost {
		return &hostMachine{share: filepath.Join(dir, shareName)}, nil
	}
	if !isOurs(dir, s.PID) {
		return nil, fmt.Errorf("attach to machine: the one of %s has ended; make a new one", dir)
	}
	return newVM(dir, s)
}

// Down ends the machine of a state folder and forgets it; the share and the console's log stay. It ends no process but
// the qemu that was started for this folder. A machine that has ended already, or a host, is no error.
func Down(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("end machine: %w", err)
	}
	s, err := readState(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("end machine: %w", err)
	}
	if s.Kind == KindVM {
		if err := endProcess(dir, s.PID); err != nil {
			return fmt.Errorf("end machine: qemu, process %d: %w", s.PID, err)
		}
	}
	return os.Remove(filepath.Join(dir, stateName))
}

// isOurs says whether the process is the qemu of this state folder. Only that one names the folder's console log.
func isOurs(dir string, pid int) bool {
	line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil || pid <= 1 {
		return false
	}
	program, _, _ := bytes.Cut(line, []byte{0})
	return filepath.Base(string(program)) == qemu && bytes.Contains(line, []byte("\x00file:"+consolePath(dir)+"\x00"))
}

// endProcess ends our qemu and waits for its end. The handle makes sure that the process which was looked at is the one
// which is signalled.
func endProcess(dir string, pid int) error {
	handle, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(handle) }() // only read from
	if !isOurs(dir, pid) {
		return nil
	}
	for _, signal := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if err := unix.PidfdSendSignal(handle, signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
		ended, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, int(5*time.Second/time.Millisecond))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if ended == 1 {
			return nil
		}
	}
	return errors.New("still running 10 s after it was told to end")
}

func consolePath(dir string) string { return filepath.Join(dir, consoleName) }
