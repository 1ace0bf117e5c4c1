// SPDX-License-Identifier: Apache-2.0

// Package probe makes the checks of real servers, one kind a file, with the kernel's ordinary sockets (TCP: RFC 9293); it
// never decides whether a real server is up, never repeats a check and keeps nothing between two checks.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// TCP passes when the real server accepts a connection within the timeout. It is safe for concurrent use.
//
// The connection is closed at once in the ordinary way, by FIN, as keepalived does. A reset (SO_LINGER 0) would spare the
// director the TIME-WAIT state, but it reaches many servers before their accept(2) returns, and they log an aborted or
// reset connection at every check. TIME-WAIT is the cheaper: it holds one local port for 60 s towards this one real
// server only (600 of some 28,000 at the shortest interval), and the kernel itself bounds all of them
// (net.ipv4.tcp_max_tw_buckets).
type TCP struct{}

// Probe connects to t.Address, waiting at most t.Spec.Timeout and no longer than ctx. It returns nil when the connection
// was accepted, else an error whose text is the reason alone, in an operator's words, without the address: "connection
// refused", "no answer within 3s", "no route to host". The error wraps health.ErrInconclusive when the director could
// not make the check, and context.Canceled when ctx was cancelled.
func (TCP) Probe(ctx context.Context, t health.Target) error {
	dialer := net.Dialer{Timeout: t.Spec.Timeout, KeepAlive: -1}
	conn, err := dialer.DialContext(ctx, "tcp", t.Address.String())
	if err != nil {
		return reason(err, t.Spec)
	}
	// The real server has answered; nothing that closing could say changes that.
	_ = conn.Close()
	return nil
}

// reason says in plain words why a connection attempt under spec failed.
func reason(err error, spec health.Spec) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errnoReason(errno)
	}
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("check given up: %w", context.Canceled)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("no answer within %v", spec.Timeout)
	default:
		return err
	}
}

// errnoReason names what connect(2) and socket(2) answer. The last group is the director's own want.
func errnoReason(errno syscall.Errno) error {
	switch errno {
	case syscall.ECONNREFUSED:
		return errors.New("connection refused")
	case syscall.ECONNRESET:
		return errors.New("connection reset")
	case syscall.EHOSTUNREACH:
		return errors.New("no route to host")
	case syscall.ENETUNREACH:
		return errors.New("network unreachable: the director has no route to the real server")
	case syscall.ETIMEDOUT:
		return errors.New("no answer: the kernel gave up connecting (net.ipv4.tcp_syn_retries)")
	case syscall.EPERM, syscall.EACCES:
		return errors.New("a packet filter on the director forbids the connection")
	case syscall.EMFILE, syscall.ENFILE:
		return fmt.Errorf("%w: the director is out of file descriptors", health.ErrInconclusive)
	case syscall.ENOBUFS, syscall.ENOMEM:
		return fmt.Errorf("%w: the director is out of memory for sockets", health.ErrInconclusive)
	case syscall.EADDRNOTAVAIL, syscall.EAGAIN:
		return fmt.Errorf("%w: the director has no free local port (net.ipv4.ip_local_port_range)", health.ErrInconclusive)
	default:
		return fmt.Errorf("cannot connect: %w", errno)
	}
}
