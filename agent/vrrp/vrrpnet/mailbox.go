// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// mailbox brings work to the runner's thread and wakes it from ppoll(2) by an eventfd(2).
type mailbox struct {
	fd int

	mu     sync.Mutex
	queue  []func(now time.Time)
	closed bool
}

func openMailbox() (*mailbox, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open eventfd: %w", err)
	}
	return &mailbox{fd: fd}, nil
}

// post has the thread run f soon, after what was posted before. It returns false, and f never runs, once the mailbox is
// closed.
func (m *mailbox) post(f func(now time.Time)) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.queue = append(m.queue, f)
	one := binary.NativeEndian.AppendUint64(nil, 1)
	// EAGAIN would mean 2^64-2 unread wake-ups: the thread is awake then.
	_, _ = unix.Write(m.fd, one)
	return true
}

// deliver runs what was posted. It belongs to the runner's thread.
func (m *mailbox) deliver(now time.Time) {
	var count [8]byte
	_, _ = unix.Read(m.fd, count[:])
	m.mu.Lock()
	queue := m.queue
	m.queue = nil
	m.mu.Unlock()
	for _, f := range queue {
		f(now)
	}
}

// close refuses further posts. What is still queued is dropped; its senders also wait for the runner's end.
func (m *mailbox) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shut()
}

func (m *mailbox) shut() {
	if !m.closed {
		m.closed = true
		m.queue = nil
		_ = unix.Close(m.fd)
	}
}

// closeIfEmpty closes the mailbox unless something waits in it; it says whether it is closed.
func (m *mailbox) closeIfEmpty() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) > 0 {
		return false
	}
	m.shut()
	return true
}
