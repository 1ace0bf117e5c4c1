// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

// closed stands for a descriptor of nothing.
const closed = -1

// conversation is a check on a connection of its own, or a socket of its own for datagrams, or a ping.
type conversation struct {
	fd     int
	target health.Target
	// exchange is nil unless the check is made by a datagram; then what is of a dialogue does not matter.
	exchange check.Exchange
	// echo is zero unless the check is a ping, which has no socket of its own and none of the rest.
	echo check.Echo
	// dialogue is nil where it is enough to be connected.
	dialogue check.Dialogue
	// connected says that the real server has accepted the connection, and said is how often the director has spoken since it opened.
	connected bool
	said      int
	// heard is what came before the last read; unsaid, what the socket has not taken yet.
	heard, unsaid []byte
	// watched are the events that the epoll waits for; 0: it does not know the socket yet.
	watched uint32
	// reads is how often something was read, and judged how much had come when the dialogue last judged it.
	reads, judged int
}

// begin connects.
func (p *Prober) begin(place int, t health.Target, dialogue check.Dialogue) {
	fd, err := p.sockets.connect(t)
	if err != nil {
		p.finish(place, err)
		return
	}
	p.at[place] = conversation{fd: fd, target: t, dialogue: dialogue}
	p.fresh.places = append(p.fresh.places, place)
}

// conclude ends a conversation, or says why there is none.
//
// The connection is closed in the ordinary way, by FIN, as keepalived does. A reset (SO_LINGER 0) would spare the director the TIME-WAIT
// state, but it reaches many servers before their accept(2) returns, and they log an aborted or reset connection at every check. TIME-WAIT
// is the cheaper: it holds one local port for 60 s towards this one real server only (600 of some 28,000 at the shortest interval), and the
// kernel itself bounds all of them (net.ipv4.tcp_max_tw_buckets). Checks by way of a virtual IP are otherwise: see goVia.
func (p *Prober) conclude(place int, result error, weight check.Weight) {
	if c := &p.at[place]; c.runs() {
		if c.fd != closed {
			closeSocket(c.fd)
		}
		*c = conversation{fd: closed}
	}
	p.ended = append(p.ended, monitor.Result{Place: place, Err: result, Weight: weight})
}

// runs says whether there is a conversation.
func (c *conversation) runs() bool { return c.fd != closed || c.pings() }

// finish is conclude without a weight.
func (p *Prober) finish(place int, result error) { p.conclude(place, result, check.Weight{}) }

// serve does what events ask for.
func (p *Prober) serve(place int, events uint32) {
	c := &p.at[place]
	if c.fd == closed {
		return
	}
	if c.exchange != nil {
		p.receive(place, c.exchange)
		return
	}
	if !c.connected {
		if failure := c.connection(events); failure != nil {
			p.finish(place, failure)
			return
		}
		c.connected = true
		if c.dialogue == nil {
			p.finish(place, nil)
			return
		}
		c.unsaid = c.dialogue.Open(p.say[:0], c.target.Endpoint())
		p.say = c.unsaid
	}
	if answer := p.talk(c, events); answer.Done {
		p.conclude(place, answer.Failure, answer.Weight)
	} else if len(c.unsaid) > 0 && c.watched != 0 {
		p.watch(place, c)
	}
}

// connection is what became of connecting.
func (c *conversation) connection(events uint32) error {
	if events&(unix.EPOLLERR|unix.EPOLLHUP) == 0 {
		return nil
	}
	errno, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return inconclusive("ask what became of the connection", err)
	case errno != 0:
		return errnoReason(unix.Errno(errno))
	}
	return nil
}

// talk says what is to be said, hears what can be heard, and goes on until nothing more comes at present: then the answer is not done.
func (p *Prober) talk(c *conversation, events uint32) check.Answer {
	if err := p.speak(c); err != nil {
		return check.Answer{Done: true, Failure: err}
	}
	if events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) == 0 {
		return check.Answer{}
	}
	for {
		room := check.MostHeard - len(c.heard)
		n, err := read(c.fd, p.heard[:room])
		switch {
		case errors.Is(err, unix.EINTR):
			continue // there is no other event for what has come
		case errors.Is(err, unix.EAGAIN):
			return check.Answer{}
		case err != nil:
			return check.Answer{Done: true, Failure: reason(err)}
		}
		heard := p.heard[:n]
		if len(c.heard) > 0 {
			c.heard = append(c.heard, heard...)
			heard = c.heard
		}
		answer := c.hear(heard, n == 0 || n == room)
		if answer.Done {
			return answer
		}
		if n == 0 || n == room {
			return check.Answer{Done: true, Failure: errors.New("the connection was closed before the check was over")}
		}
		if len(c.heard) == 0 {
			c.heard = append(c.heard, heard...)
		}
		if len(answer.Say) > 0 {
			c.said++
			c.unsaid = answer.Say
			if err := p.speak(c); err != nil {
				return check.Answer{Done: true, Failure: err}
			}
		}
	}
}

// speak says as much as the socket takes. What is left has to be kept, for it may be in a buffer of all conversations.
func (p *Prober) speak(c *conversation) error {
	for len(c.unsaid) > 0 {
		n, err := write(c.fd, c.unsaid)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			c.unsaid = append([]byte(nil), c.unsaid...)
			return nil
		case err != nil:
			return reason(err)
		}
		c.unsaid = c.unsaid[n:]
	}
	c.unsaid = nil
	return nil
}

// overdue is the end of a conversation whose time is over: by what came until then, if that is enough.
func (c *conversation) overdue() check.Answer {
	timeout := c.target.Spec.Timeout
	switch {
	case c.exchange != nil:
		return check.Answer{Done: true, Failure: c.exchange.Silence(timeout)}
	case c.pings(), !c.connected:
		return check.Answer{Done: true, Failure: check.NoAnswer(timeout)}
	case len(c.heard) == 0:
		return check.Answer{Done: true, Failure: notAnswered(timeout)}
	}
	if answer := c.dialogue.Hear(c.said, c.heard, false); answer.Done {
		return answer
	}
	return check.Answer{Done: true, Failure: notComplete(timeout, len(c.heard))}
}
