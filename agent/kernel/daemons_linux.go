// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/ipvsnet"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// daemons reads the sync daemons that run.
func (t *table) daemons() ([]ipvs.Daemon, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	daemons, err := t.client.Daemons()
	if err != nil {
		return nil, fmt.Errorf("read the sync daemons: %w", advise(err))
	}
	return daemons, nil
}

// startDaemon starts a sync daemon. It fails where one of that state runs.
func (t *table) startDaemon(ctx context.Context, daemon ipvs.Daemon) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.client.Change(ctx, func(r wire.Request, b []byte) []byte { return r.NewDaemon(b, daemon) })
	what := fmt.Sprintf("start the %s sync daemon on interface %s", daemon.State, daemon.Interface)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s: the kernel runs none while a service has a real server of another address family: %w", what, err)
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("%s: somebody else has started one meanwhile: %w", what, err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%s: the interface has no address of the multicast group's family that can be used yet; give it one: %w", what, err)
	default:
		return fmt.Errorf("%s: %w", what, advise(err))
	}
}

// stopDaemon stops a sync daemon. Stopping one that does not run succeeds. Where the daemon's thread has not run yet, the kernel
// stops it and does not answer: kthread_stop says EINTR then, which netlink_rcv_skb takes for its own.
func (t *table) stopDaemon(ctx context.Context, state ipvs.DaemonState) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.client.Change(ctx, func(r wire.Request, b []byte) []byte { return r.DelDaemon(b, state) })
	if err == nil || errors.Is(err, unix.ESRCH) {
		return nil
	}
	if errors.Is(err, ipvsnet.ErrUnanswered) {
		daemons, unread := t.client.Daemons()
		if unread == nil && !slices.ContainsFunc(daemons, func(d ipvs.Daemon) bool { return d.State == state }) {
			return nil
		}
	}
	return fmt.Errorf("stop the %s sync daemon: %w", state, advise(err))
}
