// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// ping sends an echo request by the raw socket of all of its family, which is opened for the first.
func (p *Prober) ping(place int, t health.Target) {
	echoes := p.echoesOf(t.Address.Addr())
	if err := echoes.open(p.poll); err != nil {
		p.finish(place, err)
		return
	}
	echo := echoes.next(place)
	p.at[place] = conversation{fd: closed, target: t, echo: echo}
	if err := p.request(echoes, t.Address, echo); err != nil {
		p.finish(place, echoReason(err))
	}
}

func (p *Prober) echoesOf(address netip.Addr) *echoes {
	if address.Is4() {
		return &p.echoes4
	}
	return &p.echoes6
}

// request sends an echo request.
func (p *Prober) request(by *echoes, to netip.AddrPort, echo check.Echo) error {
	var message [check.EchoSize]byte
	if by.family == unix.AF_INET {
		echo.Request4(&message)
	} else {
		echo.Request6(&message)
	}
	_, address, length := p.sockets.address(to)
	return send(by.fd, message[:], address, length)
}

// answers takes what has come, so much at a time that nothing else waits for long: there is another event for the rest.
func (p *Prober) answers(to *echoes) {
	for range batch {
		from, echo, err := to.receive(p.heard[:])
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, errNoEcho):
			continue
		case err != nil:
			return
		}
		if place := int(echo.Asker); place < len(p.at) && p.at[place].asks(from, echo) {
			p.finish(place, nil)
		}
	}
}

// asks says whether an answer is the one that the conversation waits for.
func (c *conversation) asks(who netip.Addr, echo check.Echo) bool {
	return c.pings() && c.echo == echo && c.target.Address.Addr() == who
}

// pings says whether the conversation waits for the answer to an echo request.
func (c *conversation) pings() bool { return c.echo.Token != 0 }

// echoReason says in plain words why a request could not be sent.
func echoReason(err error) error {
	if errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("%w: too many pings wait to be sent", health.ErrInconclusive)
	}
	return datagramReason(err)
}
