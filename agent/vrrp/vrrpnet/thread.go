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
	timers  timers
	// slack is how long after an Active's deadline a turn begins, so that it serves those that come soon after as well.
	slack time.Duration
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
	t.timers.remove(r)
	r.finish()
}

func (t *thread) run() {
	for !t.halted {
		t.wait()
		t.turn(time.Now())
		// Without routers it ends, unless one is on its way.
		t.halted = t.served && len(t.routers) == 0 && t.mail.closeIfEmpty()
	}
}

// turn does what wait found, and what is due.
func (t *thread) turn(now time.Time) {
	if t.poll[0].Revents != 0 {
		t.mail.deliver(now)
		t.setTimers()
	}
	if t.poll[1].Revents != 0 {
		t.linkChanged(now)
	}
	if t.poll[2].Revents != 0 || t.poll[3].Revents != 0 {
		t.receive(now)
	}
	t.tick(now)
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

// next is when the next turn begins if nothing comes before; the zero time says never.
func (t *thread) next() time.Time {
	next, router := t.timers.first()
	if router != nil && router.instance.State() == vrrp.Active {
		next = next.Add(t.slack)
	}
	return earlier(next, t.retryAt)
}

// FewRouters is how many virtual routers an interface may have for its thread to spend time on each.
const FewRouters = 8

const (
	// slackShare is the part of the shortest interval that an advertisement may wait for others that are due soon, and mostSlack bounds
	// it. Few routers wake the thread seldom: with up to FewRouters none waits. Nor does a Backup that is to take over.
	slackShare = 16
	mostSlack  = 10 * time.Millisecond
)

// setTimers puts every router where it belongs in the timers, after what may have changed any.
func (t *thread) setTimers() {
	t.slack = mostSlack
	if len(t.routers) <= FewRouters {
		t.slack = 0
	}
	for _, r := range t.routers {
		t.timers.set(r)
		t.slack = min(t.slack, r.config.Interval/slackShare)
	}
}

// earlier is the earlier of two timers, of which the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// receive takes all that the sockets hold.
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
		t.setTimer(r)
	}
}

// setTimer puts a router where it belongs in the timers, unless it is being served, or has ended.
func (t *thread) setTimer(r *router) {
	if r.timed != notTimed {
		t.timers.set(r)
	}
}

// tick serves the timers that are due. Before a Backup takes over, the sockets are read once more, whatever poll said of them: a
// thread that was starved finds the Active's advertisements there, and not its death.
func (t *thread) tick(now time.Time) {
	if !t.retryAt.IsZero() && !now.Before(t.retryAt) {
		t.look(now)
	}
	due := t.timers.take(now)
	if slices.ContainsFunc(due, func(r *router) bool { return r.instance.State() == vrrp.Backup }) {
		t.receive(now)
	}
	for _, r := range due {
		if !r.hasFinished() {
			r.tick(now)
		}
		if !r.hasFinished() {
			t.timers.set(r)
		}
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
