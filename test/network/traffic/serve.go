// SPDX-License-Identifier: Apache-2.0

// Package traffic is what the lab's clients and real servers do: a TCP server that says its name and then echoes, a
// client that connects over and over, and one that holds a connection. It measures and never judges.
package traffic

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
)

// maxServed bounds the connections of one server; more wait in the kernel's queue.
const maxServed = 4096

// Serve answers each connection with name and a newline, then echoes what it gets until the client ends. It closes
// listener and returns nil, with no connection left, when ctx ends.
func Serve(ctx context.Context, listener net.Listener, name string) error {
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	room := make(chan struct{}, maxServed)
	for {
		room <- struct{}{}
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case err != nil:
			return fmt.Errorf("serve %s on %s: %w", name, listener.Addr(), err)
		}
		running.Go(func() {
			defer func() { <-room }()
			echo(ctx, conn, name)
		})
	}
}

// echo ends when the client or ctx does; a client that breaks off is its own affair.
func echo(ctx context.Context, conn net.Conn, name string) {
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := io.WriteString(conn, name+"\n"); err == nil {
		_, _ = io.Copy(conn, conn)
	}
}
