// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// Streams are what a program is connected to. Any of them may be nil: nothing to read, or output thrown away.
type Streams struct {
	// Stdin is read until it ends or the program does. A Read that is under way when the program exits is not waited
	// for.
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Signals are passed on to the program, not to its children. Values that are no syscall.Signal are left out.
	Signals <-chan os.Signal
}

// Run has the server at the other end of conn run the request, and returns when the program ended: nil for exit code 0,
// *ExitError for any other end, and another error when the program did not start or the connection broke. It closes
// conn. The end of ctx kills the program and its process group.
func Run(ctx context.Context, conn net.Conn, request Request, streams Streams) error {
	defer func() { _ = conn.Close() }() // the exit frame, or the error that stands for it, is the result
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	err := newClient(conn).run(request, streams)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

type client struct {
	conn  net.Conn
	write sync.Mutex    // frames are whole
	taken chan struct{} // room at the server for one stdin frame
	done  chan struct{} // closed when run returns
}

func newClient(conn net.Conn) *client {
	return &client{conn: conn, taken: make(chan struct{}, 1), done: make(chan struct{})}
}

func (c *client) send(k kind, payload []byte) error {
	c.write.Lock()
	defer c.write.Unlock()
	return writeFrame(c.conn, k, payload)
}

func (c *client) run(request Request, streams Streams) error {
	defer close(c.done)
	text, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	if err := c.send(kindRequest, text); err != nil {
		return fmt.Errorf("send request: %w", err)
	}
	go c.sendStdin(streams.Stdin)
	go c.sendSignals(streams.Signals)
	return c.receive(streams)
}

// receive handles frames until the program's end.
func (c *client) receive(streams Streams) error {
	for {
		k, payload, err := readFrame(c.conn)
		if err != nil {
			return fmt.Errorf("connection to the machine broke before the program ended: %w", err)
		}
		switch k {
		case kindStdout:
			err = deliver(streams.Stdout, payload)
		case kindStderr:
			err = deliver(streams.Stderr, payload)
		case kindStdinTaken:
			select {
			case c.taken <- struct{}{}:
			default:
				err = errors.New("server took more input than was sent")
			}
		case kindFailed:
			return errors.New(string(payload))
		case kindExit:
			if len(payload) == 2 {
				return exitResult(payload[0], payload[1])
			}
			err = errors.New("malformed exit frame")
		default:
			err = fmt.Errorf("unexpected frame of kind %d", k)
		}
		if err != nil {
			return err
		}
	}
}

func deliver(w io.Writer, payload []byte) error {
	if w == nil {
		return nil
	}
	if _, err := w.Write(payload); err != nil {
		return fmt.Errorf("pass the program's output on: %w", err)
	}
	return nil
}

// sendStdin ends silently when the connection does: receive reports that.
func (c *client) sendStdin(stdin io.Reader) {
	buffer := make([]byte, chunkSize)
	for stdin != nil {
		n, err := stdin.Read(buffer)
		if n > 0 {
			if c.send(kindStdin, buffer[:n]) != nil {
				return
			}
			select {
			case <-c.taken:
			case <-c.done:
				return
			}
		}
		if err != nil {
			break
		}
	}
	_ = c.send(kindStdinEnd, nil)
}

func (c *client) sendSignals(signals <-chan os.Signal) {
	for {
		select {
		case signal, open := <-signals:
			if !open {
				return
			}
			if number, ok := signal.(syscall.Signal); ok && c.send(kindSignal, []byte{byte(number)}) != nil {
				return
			}
		case <-c.done:
			return
		}
	}
}
