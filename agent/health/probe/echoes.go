// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/packetfilter"
)

// echoes is a raw socket (raw(7)) for echo requests to hosts of one family, and the answers. One for all, since a raw socket is given a copy
// of each ICMP packet that the node gets; and it is given those alone that repeat a secret of its own, so that neither other programs' pings
// nor a flood of answers that nobody asked for keep the agent busy or fill its buffer.
type echoes struct {
	fd, family int
	// event is the socket's place in events.
	event int
	// secret is the upper half of each token; never 0.
	secret   uint32
	sequence uint16
	from     unix.RawSockaddrInet6
	random   [4]byte
}

func newEchoes(family, event int) echoes {
	e := echoes{fd: closed, family: family, event: event}
	e.secret = max(1, e.unforeseen())
	return e
}

// unforeseen is a number that nobody can foresee.
func (e *echoes) unforeseen() uint32 {
	_, _ = rand.Read(e.random[:]) // which never fails
	return binary.NativeEndian.Uint32(e.random[:])
}

// errNoEcho is a packet that is no answer.
var errNoEcho = errors.New("no answer to an echo request")

// next is the request for a place. Each differs from those before it, so that a late answer is none.
func (e *echoes) next(place int) check.Echo {
	e.sequence++
	return check.Echo{Asker: uint16(place), Sequence: e.sequence, Token: uint64(e.secret)<<32 | uint64(e.unforeseen())}
}

// open opens the socket, unless it is open. An error is a reason.
func (e *echoes) open(by *poll) error {
	if e.fd != closed {
		return nil
	}
	protocol := unix.IPPROTO_ICMP
	if e.family == unix.AF_INET6 {
		protocol = unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(e.family, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: the agent lacks the capability CAP_NET_RAW, which a ping needs", health.ErrInconclusive)
	case err != nil:
		return reason(err)
	}
	if err := errors.Join(e.listenToOurs(fd), makeRoom(fd), by.add(fd, e.event, unix.EPOLLIN)); err != nil {
		closeSocket(fd)
		return inconclusive("make a socket for pings ready", err)
	}
	e.fd = fd
	return nil
}

// listenToOurs has the kernel give the socket only packets with the secret. A filter sees the IPv4 header, and no IPv6 header.
func (e *echoes) listenToOurs(fd int) error {
	const token = 8
	load := []bpf.Instruction{bpf.LoadAbsolute{Off: token, Size: 4}}
	if e.family == unix.AF_INET {
		load = []bpf.Instruction{bpf.LoadMemShift{Off: 0}, bpf.LoadIndirect{Off: token, Size: 4}} // beyond the header
	}
	return packetfilter.Attach(fd, slices.Concat(load, []bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: e.secret, SkipFalse: 1},
		bpf.RetConstant{Val: check.MostHeard},
		bpf.RetConstant{Val: 0},
	}))
}

// room is for the requests to hosts whose link-layer address is being asked for, and for answers that come all at once: as many as checks run at
// the same time, each with what the kernel counts besides.
const room = 8 << 20

// makeRoom gives a socket buffers, as large as the node's limits (net.core.rmem_max, wmem_max) where the agent may not go beyond them.
func makeRoom(fd int) error {
	for _, option := range []struct{ beyond, within int }{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
		err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option.beyond, room)
		if errors.Is(err, unix.EPERM) {
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option.within, room)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// receive reads a packet.
func (e *echoes) receive(into []byte) (from netip.Addr, echo check.Echo, err error) {
	n, err := receiveFrom(e.fd, into, &e.from)
	if err != nil {
		return netip.Addr{}, check.Echo{}, err
	}
	var ok bool
	if e.family == unix.AF_INET {
		from, echo, ok = check.EchoAnswer4(into[:n])
	} else {
		from = netip.AddrFrom16(e.from.Addr)
		echo, ok = check.EchoAnswer6(into[:n])
	}
	if !ok {
		return netip.Addr{}, check.Echo{}, errNoEcho
	}
	return from, echo, nil
}

// close closes the socket, if it is open.
func (e *echoes) close() {
	if e.fd != closed {
		closeSocket(e.fd)
	}
}
