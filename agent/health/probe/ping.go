// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	probing "github.com/prometheus-community/pro-bing"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// ping returns a call that sends one ICMP echo request, from the cheaper socket if the node allows it: an ICMP socket (icmp(7)) where
// net.ipv4.ping_group_range names the agent's group, as most distributions have it; else a raw socket (raw(7)). Each ICMP packet that
// comes is copied for every raw socket there is, so that many pings at the same time, from a thousand on, keep a processor busy and lose
// packets.
//
// The id, 0 to 65535, is one that no other check has that runs: the kernel lets only answers with it through to a raw socket. Answers to
// others, and late ones, differ besides in a random number that they repeat.
//
// The library looks for the end of the context less and less often, up to 100 ms apart: a check that nothing answers lasts that much longer.
func ping(id int) func(context.Context, health.Target) error {
	return func(ctx context.Context, t health.Target) error {
		if err := reachable(ctx, t); err != nil {
			return err
		}
		to := t.Address.Addr()
		answered, err := sendEcho(ctx, to, id, false)
		if errors.Is(err, unix.EACCES) {
			answered, err = sendEcho(ctx, to, id, true)
		}
		switch {
		case answered:
			return nil
		case err == nil, ctx.Err() != nil:
			return check.NoAnswer(t.Spec.Timeout)
		}
		return pingReason(err)
	}
}

// sendEcho sends an echo request and waits for its answer until the context ends.
func sendEcho(ctx context.Context, to netip.Addr, id int, raw bool) (answered bool, err error) {
	pinger := probing.New("")
	pinger.SetIPAddr(&net.IPAddr{IP: to.AsSlice()})
	pinger.SetPrivileged(raw)
	pinger.SetID(id)
	pinger.SetLogger(probing.NoopLogger{})
	pinger.Count = 1
	err = pinger.RunWithContext(ctx)
	return pinger.PacketsRecv > 0, err
}

// discard is a port that no packet is sent to here (RFC 863).
const discard = 9

// reachable asks the kernel for the route, without sending anything. Where a route forbids the packet (ip-route(8): prohibit) the library
// would try to send it for ever.
func reachable(ctx context.Context, t health.Target) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", netip.AddrPortFrom(t.Address.Addr(), discard).String())
	switch {
	case err == nil:
		_ = conn.Close() // the verdict is there
		return nil
	case ctx.Err() != nil:
		return check.NoAnswer(t.Spec.Timeout)
	}
	return datagramReason(err)
}

// pingReason says in plain words what the library answered.
func pingReason(err error) error {
	var call *os.SyscallError
	if errors.As(err, &call) && call.Syscall == "socket" && errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w: the agent lacks the capability CAP_NET_RAW, which a ping needs where net.ipv4.ping_group_range leaves the agent's group out",
			health.ErrInconclusive)
	}
	return datagramReason(err)
}
