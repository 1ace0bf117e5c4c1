// SPDX-License-Identifier: Apache-2.0

package probe

import "golang.org/x/sys/unix"

// fresh are conversations that have begun and that the epoll does not know yet.
type fresh struct {
	places []int
	// asked is what poll(2) is asked of them.
	asked []unix.PollFd
}

// look asks which of them can go on, all by one call.
func (f *fresh) look(at []conversation) {
	f.asked = f.asked[:0]
	for _, place := range f.places {
		c := &at[place]
		f.asked = append(f.asked, unix.PollFd{Fd: int32(c.fd), Events: int16(c.awaits() & (unix.EPOLLIN | unix.EPOLLOUT))}) // of one that has ended nothing is told
	}
	pollNow(f.asked)
}

// settle goes on with conversations that have just begun, and has the epoll wait for what the others wait for. In a local network many a
// real server has accepted the connection by the time that all checks of a turn have begun: then the epoll need not be told, and does not wake
// a thread of Go's poller that finds that nobody waits.
func (p *Prober) settle() {
	if len(p.fresh.places) == 0 {
		return
	}
	p.fresh.look(p.at)
	for i, place := range p.fresh.places {
		if happened := p.fresh.asked[i].Revents; happened != 0 {
			p.serve(place, uint32(happened))
		}
		if c := &p.at[place]; c.fd != closed {
			p.watch(place, c)
		}
	}
	p.fresh.places = p.fresh.places[:0]
}

// watch has the epoll wait for what a conversation waits for, where it does not already.
func (p *Prober) watch(place int, c *conversation) {
	awaits := c.awaits()
	if c.watched == awaits {
		return
	}
	operation := unix.EPOLL_CTL_ADD
	if c.watched != 0 {
		operation = unix.EPOLL_CTL_MOD
	}
	c.watched = awaits
	if err := p.poll.control(operation, c.fd, place, awaits); err != nil {
		p.finish(place, inconclusive("wait for the real server", err))
	}
}

// awaits are the events that a conversation waits for. What has come before the epoll is told is an event as well (epoll(7), EPOLLET).
func (c *conversation) awaits() uint32 {
	if c.exchange != nil || c.connected && len(c.unsaid) == 0 {
		return unix.EPOLLIN | unix.EPOLLET
	}
	return unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLET
}
