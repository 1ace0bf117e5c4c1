// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

func target(address net.Addr, timeout time.Duration) health.Target {
	return health.Target{
		Address: netip.MustParseAddrPort(address.String()),
		Spec:    health.Spec{Check: check.TCP{}, Interval: time.Second, Timeout: timeout},
	}
}

// makeOne makes one check, as a Monitor does.
func makeOne(t *testing.T, target health.Target) error {
	t.Helper()
	return resultOfOne(t, target).Err
}

func resultOfOne(t *testing.T, target health.Target) monitor.Result {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	over := time.Now().Add(target.Spec.Timeout)
	p.Start(3, target)
	for ended := false; ; {
		for _, r := range p.Wait(over) {
			if r.Place != 3 {
				t.Errorf("a result of place %d, where nothing runs", r.Place)
			}
			return r
		}
		if !ended && !time.Now().Before(over) {
			p.End(3)
			ended = true
		}
	}
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("this machine has no %s: %v", address, err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestListeningRealServerPasses(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			l := listen(t, address)
			if err := makeOne(t, target(l.Addr(), 5*time.Second)); err != nil {
				t.Errorf("the check failed: %v", err)
			}
		})
	}
}

func TestRealServerSeesAnOrdinaryCloseAndNoReset(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	if err := makeOne(t, target(l.Addr(), 5*time.Second)); err != nil {
		t.Fatalf("the check failed: %v", err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatalf("accept after the check was over: %v", err)
	}
	defer func() { _ = conn.Close() }()
	if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the real server reads %d bytes and %v, want 0 and EOF", n, err)
	}
}

func TestStoppedRealServerRefuses(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	address := l.Addr()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	err := makeOne(t, target(address, 5*time.Second))
	if got, want := text(err), "connection refused"; got != want {
		t.Errorf("reason is %q, want %q", got, want)
	}
}

func TestSilentRealServerIsGivenUpAfterTheTimeout(t *testing.T) {
	silent := silentListener(t)
	began := time.Now()
	err := makeOne(t, target(silent, 50*time.Millisecond))
	if got, want := text(err), "no answer within 50ms"; got != want {
		t.Errorf("reason is %q, want %q", got, want)
	}
	if took := time.Since(began); took < 50*time.Millisecond || took > 5*time.Second {
		t.Errorf("the check took %v, want about 50ms", took)
	}
}

func TestCheckOfARemovedRealServerEndsAtOnce(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Start(0, target(silentListener(t), time.Hour))
	p.End(0)
	if ended := p.Wait(time.Time{}); len(ended) != 1 || ended[0].Err == nil {
		t.Errorf("ended: %v", ended)
	}
}

func TestWhoWaitsIsWoken(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 3 {
		p.Wake()
		p.Wake()
		if ended := p.Wait(time.Time{}); len(ended) != 0 {
			t.Errorf("ended: %v", ended)
		}
		go p.Wake()
		p.Wait(time.Time{})
	}
}

// TestNoWakeIsLost has somebody wake again and again one who waits, each time after it has left something that it has to find.
func TestNoWakeIsLost(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const times = 100_000
	var left atomic.Int32
	go func() {
		for range times {
			left.Add(1)
			p.Wake()
		}
	}()
	for found := int32(0); found < times; {
		began := time.Now()
		p.Wait(began.Add(10 * time.Second))
		if found = left.Load(); time.Since(began) >= 10*time.Second {
			t.Fatalf("nobody was woken for 10s, after %d of %d", found, times)
		}
	}
}

func TestTwoThatUseOnePlaceOneAfterTheOtherDoNotMeet(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	silent, alive := silentListener(t), listen(t, "127.0.0.1:0")
	for range 20 {
		p.Start(0, target(silent, time.Hour))
		p.End(0)
		if ended := p.Wait(time.Time{}); len(ended) != 1 || ended[0].Err == nil {
			t.Fatalf("the first one: %v", ended)
		}
		p.Start(0, target(alive.Addr(), time.Hour))
		if ended := p.Wait(time.Time{}); len(ended) != 1 || ended[0].Err != nil {
			t.Fatalf("the second one: %v", ended)
		}
	}
}

func TestReasonsAreInAnOperatorsWords(t *testing.T) {
	for _, tc := range []struct {
		errno        syscall.Errno
		want         string
		inconclusive bool
	}{
		{syscall.ECONNREFUSED, "connection refused", false},
		{syscall.ECONNRESET, "connection reset", false},
		{syscall.EHOSTUNREACH, "host unreachable: the real server does not answer on its link, or a router or a firewall on the way says so by ICMP", false},
		{syscall.ENETUNREACH, "network unreachable: the director has no route to the real server", false},
		{syscall.ETIMEDOUT, "no answer: the kernel gave up connecting (net.ipv4.tcp_syn_retries)", false},
		{syscall.EPERM, "a packet filter on the director forbids the connection", false},
		{syscall.EINVAL, "cannot connect: invalid argument", false},
		{syscall.EMFILE, "check not made: the director is out of file descriptors", true},
		{syscall.ENOBUFS, "check not made: the director is out of memory for sockets", true},
		{syscall.EADDRNOTAVAIL, "check not made: the director has no free local port (net.ipv4.ip_local_port_range)", true},
	} {
		t.Run(tc.errno.Error(), func(t *testing.T) {
			err := reason(os.NewSyscallError("connect", tc.errno))
			if err.Error() != tc.want {
				t.Errorf("reason is %q, want %q", err, tc.want)
			}
			if got := errors.Is(err, health.ErrInconclusive); got != tc.inconclusive {
				t.Errorf("inconclusive is %v, want %v", got, tc.inconclusive)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return "passed"
	}
	return err.Error()
}

// silentListener returns a loopback address that answers no SYN: a listening socket whose accept queue is full.
func silentListener(t *testing.T) net.Addr {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open a socket: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatalf("bind to loopback: %v", err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatalf("listen: %v", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatalf("read the port: %v", err)
	}
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}
	for range 16 {
		conn, err := net.DialTimeout("tcp", address.String(), 100*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the accept queue of a listener with backlog 0 took 16 connections")
	return nil
}
