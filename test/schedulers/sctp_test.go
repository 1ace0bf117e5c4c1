// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/test/network"
)

func TestSCTPAssociationsAlternate(t *testing.T) {
	if err := loadModule(t.Context(), "sctp"); err != nil {
		t.Skip(err)
	}
	wanted := tcp(t, "rr")
	wanted.Key.Protocol = ipvs.SCTP
	s := add(t, wanted, evenly(2)...)
	for _, number := range []int{1, 2} {
		serveSCTP(t, stage.realServers[number], s.target())
	}
	for last, i := "", 0; i < 8; i++ {
		name := askSCTP(t, s.target())
		if name == last {
			t.Fatalf("associations %d and %d both went to %s, want them to alternate", i-1, i, name)
		}
		last = name
	}
}

// sctpSocket is a one-to-one style socket (RFC 6458 section 4) that never blocks and is bound to one address: the other end
// hears of no other, and so does IPVS.
func sctpSocket(t *testing.T, host *network.Host, bound netip.AddrPort) (fd int) {
	t.Helper()
	err := host.Do(func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_SCTP); err != nil {
			return err
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		return unix.Bind(fd, sockaddr(bound))
	})
	if err != nil {
		t.Fatalf("an SCTP socket at %s: %v", bound, err)
	}
	return fd
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
}

// await waits until a socket is ready for events, for at most the time given.
func await(fd int, events int16, within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); {
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, int(time.Until(deadline).Milliseconds()))
		if ready == 1 {
			return true
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false
		}
	}
	return false
}

// serveSCTP answers each association to a virtual IP with the host's name, for the length of a test.
func serveSCTP(t *testing.T, host *network.Host, target netip.AddrPort) {
	t.Helper()
	listener := sctpSocket(t, host, target)
	if err := unix.Listen(listener, 16); err != nil {
		t.Fatalf("listen for SCTP on %s: %v", host.Name(), err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for t.Context().Err() == nil {
			if !await(listener, unix.POLLIN, 100*time.Millisecond) {
				continue
			}
			if association, _, err := unix.Accept(listener); err == nil {
				_, _ = unix.Write(association, []byte(host.Name()))
				_ = unix.Close(association)
			}
		}
	}()
	t.Cleanup(func() { <-done })
}

// askSCTP makes a fresh association and returns who answered.
func askSCTP(t *testing.T, target netip.AddrPort) string {
	t.Helper()
	fd := sctpSocket(t, stage.client, netip.AddrPortFrom(someone, freshPort()))
	if err := unix.Connect(fd, sockaddr(target)); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		t.Fatalf("an SCTP association to %s: %v", target, err)
	}
	if !await(fd, unix.POLLIN, patience) {
		t.Fatalf("an SCTP association to %s: no answer within %s", target, patience)
	}
	answer := make([]byte, 64)
	n, err := unix.Read(fd, answer)
	if err != nil {
		t.Fatalf("an SCTP association to %s: %v", target, err)
	}
	return string(answer[:n])
}
