// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// wakeUp stands in an event in the place of a place.
const wakeUp = -1

// poll waits for sockets (epoll(7)), and for those who wake it (eventfd(2)).
type poll struct {
	epoll, event int
	// woken says that the event was written and not read yet.
	woken  *atomic.Bool
	events []unix.EpollEvent
}

func openPoll() (poll, error) {
	p := poll{epoll: closed, event: closed, woken: &atomic.Bool{}, events: make([]unix.EpollEvent, batch)}
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return p, os.NewSyscallError("epoll_create1", err)
	}
	if p.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		p.close()
		return p, os.NewSyscallError("eventfd", err)
	}
	if err := p.add(p.event, wakeUp, unix.EPOLLIN); err != nil {
		p.close()
		return p, err
	}
	return p, nil
}

// close closes what is open.
func (p *poll) close() {
	for _, fd := range []int{p.epoll, p.event} {
		if fd != closed {
			_ = unix.Close(fd)
		}
	}
}

// add has events of a socket come with a place. Closing the socket ends that.
func (p *poll) add(fd, place int, events uint32) error {
	event := unix.EpollEvent{Events: events, Fd: int32(place)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &event))
}

// wait returns events, none when the moment has come, the zero time: never. It may be early, and is late by less than a millisecond.
func (p *poll) wait(until time.Time) []unix.EpollEvent {
	milliseconds := -1
	if !until.IsZero() {
		left := (time.Until(until) + time.Millisecond - 1) / time.Millisecond
		milliseconds = int(min(max(left, 0), math.MaxInt32))
	}
	n, err := unix.EpollWait(p.epoll, p.events, milliseconds)
	if err != nil {
		return nil // interrupted: nothing else can happen to it
	}
	return p.events[:n]
}

// wake makes wait return. Safe for concurrent use.
func (p *poll) wake() {
	if p.woken.Swap(true) {
		return
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	for {
		// A counter that overflows would be readable as well.
		if _, err := unix.Write(p.event, one[:]); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// drain takes notice of wake. One that comes between the two has been noticed; the other way round it would be read unnoticed, and no later
// one would be heard.
func (p *poll) drain() {
	var count [8]byte
	_, _ = unix.Read(p.event, count[:])
	p.woken.Store(false)
}
