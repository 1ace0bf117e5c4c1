// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

const (
	// receiveBatch bounds what one turn of the loop reads, so that a flood cannot keep it from its timers. It is more
	// than a socket's default buffer holds of small packets.
	receiveBatch = 512
	// announceBatch bounds the gratuitous ARPs of one turn likewise.
	announceBatch = 32
)

// loop is what the runner's thread owns. Only that thread calls its methods.
type loop struct {
	options  Options
	config   vrrp.Config // as the caller gave it; the instance's has the Source in use
	instance *vrrp.Instance
	counters *counters
	mail     *mailbox
	monitor  *monitor

	// The interface, and the sockets on it; raw and arp are nil during a fault.
	interfaces interfaces
	link       link
	raw        *rawSocket
	arp        *arpSocket
	resume     bool      // the first run on the interface is to be a resumption
	retryAt    time.Time // when to look at the interface though no message from the kernel says so

	announcer announcer
	ready     bool // the addresses are on the interface, as Announce said

	resigning bool
	resignAt  time.Time // when priority 0 is repeated
	succeeded bool      // another director is Active, or none was needed
	halted    bool

	poll     [3]unix.PollFd
	timeout  unix.Timespec
	received vrrp.Advertisement
	in       [maxPacket]byte
	out      []byte
}

func newLoop(o Options, instance *vrrp.Instance, c *counters, m *mailbox) *loop {
	return &loop{
		options:    o,
		config:     instance.Config(),
		instance:   instance,
		counters:   c,
		mail:       m,
		interfaces: &rtnetlink{},
		resume:     o.Resume,
		received:   vrrp.Advertisement{Addresses: make([]netip.Addr, 0, 255)},
		out:        make([]byte, 0, maxPacket),
	}
}

// open subscribes to the interface's changes first and looks at it then, so that none is missed.
func (l *loop) open(now time.Time) error {
	var err error
	if l.monitor, err = openMonitor(); err != nil {
		return err
	}
	return l.inspect(now)
}

func (l *loop) run() {
	for !l.halted {
		l.wait()
		now := time.Now()
		if l.poll[0].Revents != 0 {
			l.mail.deliver(now)
		}
		if l.poll[1].Revents != 0 {
			l.linkChanged(now)
		}
		l.receive(now)
		l.tick(now)
		l.announce(now)
	}
}

// wait sleeps until a socket is readable or a timer is due. An interrupted wait is a short one.
func (l *loop) wait() {
	l.poll[0] = unix.PollFd{Fd: int32(l.mail.fd), Events: unix.POLLIN}
	l.poll[1] = unix.PollFd{Fd: int32(l.monitor.fd), Events: unix.POLLIN}
	l.poll[2] = unix.PollFd{Fd: -1} // which poll ignores
	if l.raw != nil {
		l.poll[2] = unix.PollFd{Fd: int32(l.raw.fd), Events: unix.POLLIN}
	}
	var timeout *unix.Timespec
	if next := l.next(); !next.IsZero() {
		l.timeout = unix.NsecToTimespec(int64(max(0, time.Until(next))))
		timeout = &l.timeout
	}
	_, _ = unix.Ppoll(l.poll[:], timeout, nil)
}

// next is the earliest of all timers; the zero time says that none runs.
func (l *loop) next() time.Time {
	next := time.Time{}
	for _, at := range [...]time.Time{l.instance.Deadline(), l.announcer.deadline(), l.retryAt, l.resignAt} {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// receive takes all that the socket holds, whether or not poll said so: it comes before tick, see the package's comment.
func (l *loop) receive(now time.Time) {
	for range receiveBatch {
		if l.raw == nil || l.halted {
			return
		}
		n, err := l.raw.read(l.in[:])
		if err != nil {
			return // EAGAIN, or ENETDOWN, of which the monitor hears too
		}
		l.take(now, l.in[:n])
	}
}

// take judges one packet and feeds it to the instance.
func (l *loop) take(now time.Time, packet []byte) {
	envelope, payload, err := splitIPv4(packet)
	if err == nil {
		err = l.received.Parse(payload, envelope)
	}
	if err != nil {
		l.discard(err)
		return
	}
	wasActive := l.instance.State() == vrrp.Active
	actions, err := l.instance.Receive(now, envelope.Source, &l.received)
	if err != nil {
		l.discard(err)
		return
	}
	l.counters.received.Add(1)
	claims := l.received.Priority != vrrp.PriorityResign
	if wasActive && claims {
		l.counters.rivals.Add(1)
	}
	if l.resigning && claims {
		l.succeeded = true
		l.halt()
		return
	}
	l.act(now, actions)
}

func (l *loop) discard(err error) {
	if reason, ok := err.(vrrp.Discard); ok && reason < vrrp.DiscardLimit { //nolint:errorlint // never wrapped, and allocation-free
		l.counters.discarded[reason].Add(1)
	}
}

func (l *loop) tick(now time.Time) {
	if l.halted {
		return
	}
	if deadline := l.instance.Deadline(); !deadline.IsZero() && !now.Before(deadline) {
		l.counters.late(now.Sub(deadline))
		l.act(now, l.instance.Tick(now))
	}
	if !l.resignAt.IsZero() && !now.Before(l.resignAt) {
		l.repeatResignation(now)
	}
	if !l.retryAt.IsZero() && !now.Before(l.retryAt) {
		l.retry(now)
	}
}

// act does what the instance asks for, in the order of RFC 9568 section 6.4: the packet first.
func (l *loop) act(now time.Time, actions vrrp.Actions) {
	if actions.Has(vrrp.Advertise) {
		l.send(l.instance.Advertisement())
	}
	if actions.Has(vrrp.Resign) {
		l.send(l.instance.Resignation())
	}
	l.counters.follow(l.instance.ActiveSource())
	if actions.Has(vrrp.Transition) {
		l.transition(l.instance.State())
	}
	if actions.Has(vrrp.Announce) && l.ready {
		l.startAnnouncing(now)
	}
}

// transition makes a new state known. While resigning the runner still stands as Active, see Runner.State.
func (l *loop) transition(state vrrp.State) {
	l.counters.transitions.Add(1)
	if state != vrrp.Active {
		l.ready = false
		l.announcer.stop()
	}
	if l.resigning {
		return
	}
	l.counters.state.Store(uint32(state))
	if l.options.OnTransition != nil {
		l.options.OnTransition(state)
	}
}

func (l *loop) send(a vrrp.Advertisement) {
	if l.raw == nil {
		return
	}
	packet, err := a.AppendBinary(l.out[:0], l.instance.Config().Source, vrrp.Group())
	if err == nil {
		err = l.raw.send(packet)
	}
	if err != nil {
		l.counters.sendFailed(err)
		return
	}
	l.counters.sent.Add(1)
}

// close ends everything. It may follow an open that failed half-way.
func (l *loop) close() {
	l.counters.state.Store(uint32(vrrp.Initialize))
	l.counters.follow(netip.Addr{})
	l.mail.close()
	l.closeSockets()
	if l.monitor != nil {
		l.monitor.close()
	}
}
