// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/test/machine/layout"
	"github.com/lvs-operator/lvs-operator/test/machine/wire"
)

// maxClients bounds the commands that run at once; more wait in the kernel's queue of connections.
const maxClients = 128

// maxClockError is how far the clock may be from a client's before it is set. Timers run on another clock and do not
// notice.
const maxClockError = time.Second

func serve() error {
	token, err := os.ReadFile(filepath.Join(layout.GuestShare, layout.Token))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(layout.GuestAddress, strconv.Itoa(layout.GuestPort)))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(layout.GuestShare, layout.Ready), nil, 0o600); err != nil {
		return err
	}
	server := &wire.Server{Token: string(token), Accepted: follow}
	room := make(chan struct{}, maxClients)
	for {
		room <- struct{}{}
		conn, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go func() {
			defer func() { <-room }()
			server.Serve(conn)
		}()
	}
}

// follow takes over what changed on the host since the last command. The layer over the host's files expects them never
// to change and remembers what it has seen, so it is made to forget: else a program built anew is a broken mixture.
func follow(request wire.Request) {
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "lab: forget cached files:", err)
	}
	setClock(request)
}

func setClock(request wire.Request) {
	if request.Now.IsZero() || time.Until(request.Now).Abs() < maxClockError {
		return
	}
	now := unix.NsecToTimespec(request.Now.UnixNano())
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &now); err != nil {
		fmt.Fprintln(os.Stderr, "lab: set the clock:", err)
	}
}
