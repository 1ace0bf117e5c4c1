// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// These stand in an event in the place of a place.
	wakeUp      = -1
	timeUp      = -2
	echoes4Come = -3
	echoes6Come = -4
)

// poll waits for sockets and for a moment (epoll(7), timerfd_create(2)), and for those who wake it (eventfd(2)).
//
// It never waits in a system call, but as a goroutine that Go's own poller wakes when there is something in the epoll: a thread that is
// often in a blocking call for less than a millisecond keeps the runtime's monitor thread (sysmon) looking after it, some 2,000 times a
// second, which was a quarter of the agent's processor time.
type poll struct {
	epoll, event, timer int
	file                *os.File
	ready               syscall.RawConn
	// woken says that the event was written and not read yet.
	woken atomic.Bool
	// armed is the moment that the timer is set to; zero: none. opened is when the poll was opened, which the timer's clock called opening: so
	// that to set it does not take a look at the clock, a system call and slow where the kernel has no better clock than the HPET.
	armed, opened time.Time
	opening       time.Duration
	// room is where events are put, and happened how many there are.
	room     [batch]unix.EpollEvent
	happened int
	// look takes events, and says whether there were any.
	look func(uintptr) bool
}

func openPoll() (*poll, error) {
	p := &poll{epoll: closed, event: closed, timer: closed}
	p.look = func(uintptr) bool {
		p.happened = epollWait(p.epoll, p.room[:])
		return p.happened > 0
	}
	if err := p.open(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *poll) open() (err error) {
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	// Only what does not block is given to Go's poller.
	if err := unix.SetNonblock(p.epoll, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	p.file = os.NewFile(uintptr(p.epoll), "epoll")
	if p.ready, err = p.file.SyscallConn(); err != nil {
		return err
	}
	if err := p.file.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("give the epoll to Go's poller: %w", err)
	}
	if p.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	var clock unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &clock); err != nil {
		return os.NewSyscallError("clock_gettime", err)
	}
	p.opened, p.opening = time.Now(), time.Duration(clock.Nano())
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	return errors.Join(p.add(p.event, wakeUp, unix.EPOLLIN), p.add(p.timer, timeUp, unix.EPOLLIN|unix.EPOLLET))
}

// close closes what is open.
func (p *poll) close() {
	for _, fd := range []int{p.event, p.timer} {
		if fd != closed {
			_ = unix.Close(fd)
		}
	}
	switch {
	case p.file != nil:
		_ = p.file.Close()
	case p.epoll != closed:
		_ = unix.Close(p.epoll)
	}
}

// add has events of a socket come with a place. Closing the socket ends that.
func (p *poll) add(fd, place int, events uint32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, place, events)
}

// control is epoll_ctl(2).
func (p *poll) control(operation, fd, place int, events uint32) error {
	return os.NewSyscallError("epoll_ctl", epollControl(p.epoll, operation, fd, &unix.EpollEvent{Events: events, Fd: int32(place)}))
}

// wait returns events, none when the moment has come, the zero time: never. It may be early.
func (p *poll) wait(until time.Time) []unix.EpollEvent {
	p.arm(until)
	if err := p.ready.Read(p.look); err != nil {
		return nil // it was closed
	}
	return p.room[:p.happened]
}

// take returns the events that there are.
func (p *poll) take() []unix.EpollEvent {
	p.look(0)
	return p.room[:p.happened]
}

// arm sets the timer. A moment that has come makes it ring at once.
func (p *poll) arm(until time.Time) {
	if until.Equal(p.armed) {
		return
	}
	p.armed = until
	var at time.Duration // 0: it does not ring
	if !until.IsZero() {
		at = max(1, p.opening+until.Sub(p.opened))
	}
	_ = unix.TimerfdSettime(p.timer, unix.TFD_TIMER_ABSTIME, &unix.ItimerSpec{Value: unix.NsecToTimespec(at.Nanoseconds())}, nil) // the values are good
}

// rung takes notice of an event of the timer.
func (p *poll) rung() { p.armed = time.Time{} }

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
