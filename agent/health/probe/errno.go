// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// errnoReason names what connect(2), socket(2), read(2) and write(2) answer. The last group is the director's own want.
func errnoReason(errno syscall.Errno) error {
	switch errno {
	case syscall.ECONNREFUSED:
		return errors.New("connection refused")
	case syscall.ECONNRESET, syscall.EPIPE:
		return errors.New("connection reset")
	case syscall.EHOSTUNREACH:
		return errors.New("host unreachable: the real server does not answer on its link, or a router or a firewall on the way says so by ICMP")
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

// inconclusive is the reason of a check that the director could not make, with what it attempted.
func inconclusive(attempt string, err error) error {
	return fmt.Errorf("%w: %s: %w", health.ErrInconclusive, attempt, err)
}
