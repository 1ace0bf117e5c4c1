// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/lvs-operator/lvs-operator/test/machine/layout"
	"github.com/lvs-operator/lvs-operator/test/machine/wire"
)

// vmMachine is a virtual machine whose command server is reached through a port that qemu forwards.
type vmMachine struct {
	dir   string
	state state
	token string
	end   func() error // what Close does
}

// newVM returns the machine of a state folder, with a Close that does nothing.
func newVM(dir string, s state) (*vmMachine, error) {
	token, err := os.ReadFile(filepath.Join(dir, shareName, layout.Token))
	if err != nil {
		return nil, fmt.Errorf("read the machine's token: %w", err)
	}
	return &vmMachine{dir: dir, state: s, token: string(token), end: func() error { return nil }}, nil
}

// HostAddress is what qemu forwards to the loopback address here.
func (m *vmMachine) HostAddress() string { return layout.HostAddress }

// Share is in the state folder.
func (m *vmMachine) Share() string { return filepath.Join(m.dir, shareName) }

// GuestShare is where the virtual machine has mounted Share.
func (m *vmMachine) GuestShare() string { return layout.GuestShare }

// Name says that the processor is emulated, for those who read measured times.
func (m *vmMachine) Name() string {
	return "virtual machine, kernel " + m.state.Kernel + ", emulated"
}

// Close ends qemu, unless the machine is to stay.
func (m *vmMachine) Close() error { return m.end() }

// Run asks the command server.
func (m *vmMachine) Run(ctx context.Context, command Command) error {
	return m.run(ctx, request(m.token, command), streams(command))
}

func (m *vmMachine) run(ctx context.Context, request wire.Request, streams wire.Streams) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(m.state.Port)))
	if err != nil {
		return fmt.Errorf("reach the virtual machine: %w", err)
	}
	request.Now = time.Now()
	err = wire.Run(ctx, conn, request, streams)
	var exit *ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil && m.hasEnded(ctx) {
		return fmt.Errorf("the virtual machine ended: %w; its console said:\n%s", err, consoleTail(m.dir))
	}
	return err
}

// hasEnded says whether qemu is gone. A kernel that panics breaks the connection a moment before that.
func (m *vmMachine) hasEnded(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for isOurs(m.dir, m.state.PID) {
		select {
		case <-ctx.Done():
			return false
		case <-look.C:
		}
	}
	return true
}

// answers returns nil when the command server does. A conversation takes some 10 ms once the machine is up.
func (m *vmMachine) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return m.run(ctx, wire.Request{Token: m.token}, wire.Streams{})
}
