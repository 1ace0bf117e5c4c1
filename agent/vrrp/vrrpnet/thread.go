// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

const (
	// mostTurns bounds the batches that one turn of the loop reads from a socket, so that a flood cannot keep it from its timers:
	// together they are more than a socket's default buffer holds of small packets.
	mostTurns = 8
	// announceBatch bounds the announcements of one turn likewise.
	announceBatch = 32
)

// thread runs the virtual routers of one interface. Only the thread itself calls its methods, apart from startThread and add.
type thread struct {
	name      string
	mail      *mailbox
	monitor   *monitor
	strangers strangers

	// The interface, and the sockets on it, by family; nil during a fault, and while no router needs them.
	interfaces interfaces
	link       link
	raw        [2]*rawSocket
	packets    *packetSocket
	retryAt    time.Time // when to look at the interface though no message from the kernel says so

	routers []*router
	byID    [2][256]*router
	// served says that there was a router: a thread without one ends.
	served bool

	halted   bool
	poll     [4]unix.PollFd
	timeout  unix.Timespec
	received vrrp.Advertisement
}

func newThread(name string, mail *mailbox) *thread {
	return &thread{
		name: name, mail: mail, interfaces: &rtnetlink{},
		received: vrrp.Advertisement{Addresses: make([]netip.Addr, 0, 255)},
	}
}

// startThread starts the thread of an interface. It subscribes to the interface's changes first and looks at it then, so that none is
// missed.
func startThread(name string, onThread func() error) (*thread, error) {
	mail, err := openMailbox()
	if err != nil {
		return nil, err
	}
	t := newThread(name, mail)
	started := make(chan error, 1)
	go func() {
		// Never unlocked, so that the thread ends with the goroutine, whatever onThread did to it.
		runtime.LockOSThread()
		defer t.close()
		err := t.open(onThread)
		started <- err
		if err == nil {
			t.run()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return t, nil
}

func (t *thread) open(onThread func() error) error {
	if onThread != nil {
		if err := onThread(); err != nil {
			return fmt.Errorf("prepare thread: %w", err)
		}
	}
	var err error
	if t.monitor, err = openMonitor(); err != nil {
		return err
	}
	t.look(time.Now())
	return nil
}

// add has the thread run a router. ErrStopped: the thread has ended.
func (t *thread) add(o Options, instance *vrrp.Instance) (*Runner, error) {
	r := newRouter(t, o, instance)
	answer := make(chan error, 1)
	if !t.mail.post(func(now time.Time) { answer <- t.adopt(now, r) }) {
		return nil, ErrStopped
	}
	if err := <-answer; err != nil {
		return nil, err
	}
	return &Runner{router: r, thread: t}, nil
}

// adopt begins to run a router.
func (t *thread) adopt(now time.Time, r *router) error {
	t.served = true
	if err := t.take(r); err != nil {
		return err
	}
	if err := r.inspect(now); err != nil {
		t.drop(r)
		return err
	}
	return nil
}

// take makes the router one of the thread's.
func (t *thread) take(r *router) error {
	at := &t.byID[familyIndex(r.config.Family())][r.config.VRID]
	if *at != nil {
		return fmt.Errorf("virtual router %d runs there already", r.config.VRID)
	}
	*at = r
	t.routers = append(t.routers, r)
	return nil
}

// drop ends the router's part in the thread.
func (t *thread) drop(r *router) {
	t.byID[familyIndex(r.config.Family())][r.config.VRID] = nil
	t.routers = slices.DeleteFunc(t.routers, func(other *router) bool { return other == r })
	r.finish()
}

func (t *thread) run() {
	for !t.halted {
		t.wait()
		now := time.Now()
		if t.poll[0].Revents != 0 {
			t.mail.deliver(now)
		}
		if t.poll[1].Revents != 0 {
			t.linkChanged(now)
		}
		t.receive(now)
		t.tick(now)
		// Without routers it ends, unless one is on its way.
		t.halted = t.served && len(t.routers) == 0 && t.mail.closeIfEmpty()
	}
}

// wait sleeps until a socket is readable or a timer is due. An interrupted wait is a short one.
func (t *thread) wait() {
	t.poll[0] = unix.PollFd{Fd: int32(t.mail.fd), Events: unix.POLLIN}
	t.poll[1] = unix.PollFd{Fd: int32(t.monitor.fd), Events: unix.POLLIN}
	for i, raw := range t.raw {
		t.poll[2+i] = unix.PollFd{Fd: -1} // which poll ignores
		if raw != nil {
			t.poll[2+i] = unix.PollFd{Fd: int32(raw.fd), Events: unix.POLLIN}
		}
	}
	var timeout *unix.Timespec
	if next := t.next(); !next.IsZero() {
		t.timeout = unix.NsecToTimespec(int64(max(0, time.Until(next))))
		timeout = &t.timeout
	}
	_, _ = unix.Ppoll(t.poll[:], timeout, nil)
}

// next is the earliest of all timers; the zero time says that none runs.
func (t *thread) next() time.Time {
	next := t.retryAt
	for _, r := range t.routers {
		next = earlier(next, r.next())
	}
	return next
}

// earlier is the earlier of two timers, of which the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// receive takes all that the sockets hold, whether or not poll said so: it comes before tick, see the package's comment.
func (t *thread) receive(now time.Time) {
	for family := range t.raw {
		for range mostTurns {
			raw := t.raw[family]
			if raw == nil {
				break
			}
			n := raw.receive()
			for i := range n {
				t.hear(now, raw.in, family, i)
			}
			if n < batchSize {
				break
			}
		}
	}
}

// hear judges one packet and hands it to its router.
func (t *thread) hear(now time.Time, in *packetBatch, family, i int) {
	read := in.ipv4
	if family == 1 {
		read = in.ipv6
	}
	envelope, payload, err := read(i)
	if err != nil || len(payload) < 2 {
		return // nobody's: it says not even for which router it is
	}
	r := t.byID[family][payload[1]]
	err = t.received.Parse(payload, envelope)
	switch {
	case r == nil && err == nil:
		t.strangers.hear(now, envelope.Source, &t.received)
	case r == nil:
	case err != nil:
		r.discard(now, envelope.Source, err)
	default:
		r.receive(now, envelope.Source, &t.received)
	}
}

// tick serves the timers that are due. A router that ends leaves the list, hence the copy that is walked backwards.
func (t *thread) tick(now time.Time) {
	if !t.retryAt.IsZero() && !now.Before(t.retryAt) {
		t.look(now)
	}
	for i := len(t.routers) - 1; i >= 0; i-- {
		t.routers[i].tick(now)
	}
}

// close ends everything. It may follow an open that failed half-way.
func (t *thread) close() {
	t.mail.close()
	for _, r := range t.routers {
		r.finish()
	}
	t.closeSockets()
	if t.monitor != nil {
		t.monitor.close()
	}
}
