// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

const secret = "a secret of the lab"

// connect returns the client's end of a connection that a server handles, and a channel that closes when it is done.
func connect(t *testing.T) (net.Conn, <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err == nil {
			(&Server{Token: secret}).Serve(conn)
		}
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = conn.Close(), listener.Close() })
	return conn, done
}

func shell(script string) Request {
	return Request{Token: secret, Args: []string{"/bin/sh", "-c", script}}
}

func TestOutputAndErrorsArriveApart(t *testing.T) {
	conn, _ := connect(t)
	var stdout, stderr bytes.Buffer
	request := shell(`pwd; echo "$VIP"; echo no route >&2`)
	request.Env = []string{"VIP=192.0.2.10"}
	request.Dir = "/"
	if err := Run(t.Context(), conn, request, Streams{Stdout: &stdout, Stderr: &stderr}); err != nil {
		t.Fatal(err)
	}
	if got, want := stdout.String(), "/\n192.0.2.10\n"; got != want {
		t.Errorf("standard output %q, want %q", got, want)
	}
	if got, want := stderr.String(), "no route\n"; got != want {
		t.Errorf("standard error %q, want %q", got, want)
	}
}

func TestExitCodeComesBack(t *testing.T) {
	for script, want := range map[string]ExitError{
		"exit 3":                  {Code: 3},
		"exit 255":                {Code: 255},
		"kill -9 $$":              {Code: 137, Signal: 9},
		"sleep 600 & kill -15 $$": {Code: 143, Signal: 15},
		"cat >/dev/null; exit 42": {Code: 42},
	} {
		conn, _ := connect(t)
		var got *ExitError
		if err := Run(t.Context(), conn, shell(script), Streams{}); !errors.As(err, &got) || *got != want {
			t.Errorf("%s: %v, want %v", script, err, &want)
		}
	}
}

func TestLargeInputComesBackWhole(t *testing.T) {
	conn, _ := connect(t)
	input := bytes.Repeat([]byte("192.0.2.10:80\n"), 100_000)
	var output bytes.Buffer
	streams := Streams{Stdin: iotest.OneByteReader(bytes.NewReader(input[:1000])), Stdout: &output}
	if err := Run(t.Context(), conn, shell("cat"), streams); err != nil || !bytes.Equal(output.Bytes(), input[:1000]) {
		t.Fatalf("byte by byte: %d of 1000 bytes back, error %v", output.Len(), err)
	}
	conn, _ = connect(t)
	output.Reset()
	streams.Stdin = bytes.NewReader(input)
	if err := Run(t.Context(), conn, shell("cat"), streams); err != nil || !bytes.Equal(output.Bytes(), input) {
		t.Fatalf("%d of %d bytes back, error %v", output.Len(), len(input), err)
	}
}

func TestSignalReachesAProgramThatReadsNoInput(t *testing.T) {
	conn, _ := connect(t)
	signals := make(chan os.Signal, 1)
	ready := writer(func([]byte) { signals <- syscall.SIGTERM })
	streams := Streams{Stdin: endless{}, Stdout: ready, Signals: signals}
	var exit *ExitError
	err := Run(t.Context(), conn, shell(`trap 'kill $child; exit 7' TERM; sleep 600 & child=$!; echo ready; wait`), streams)
	if !errors.As(err, &exit) || exit.Code != 7 {
		t.Fatalf("%v, want exit status 7 of the trap", err)
	}
}

// The FIFO has a writer for as long as a process of the program's group lives: its end is the end of them all.
func TestEndOfTheConnectionKillsTheProcessGroup(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "held")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	conn, done := connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	request := shell(`exec 9>"$FIFO"; sleep 600 & echo ready; wait`)
	request.Env = []string{"FIFO=" + fifo}
	streams := Streams{Stdout: writer(func([]byte) { cancel() })}
	if err := Run(ctx, conn, request, streams); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want %v", err, context.Canceled)
	}
	<-done // the server waits for the program's end
	if err := held.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(held); err != nil {
		t.Fatalf("a process of the program lives on: %v", err)
	}
}

func TestNothingRunsWithoutTheToken(t *testing.T) {
	for _, token := range []string{"", "a wrong one"} {
		conn, _ := connect(t)
		request := shell("exit 0")
		request.Token = token
		if err := Run(t.Context(), conn, request, Streams{}); err == nil || !strings.Contains(err.Error(), "wrong token") {
			t.Errorf("token %q: %v", token, err)
		}
	}
	client, server := net.Pipe()
	go new(Server).Serve(server)
	if err := Run(t.Context(), client, shell("exit 0"), Streams{}); err == nil {
		t.Error("a server without a token let a client in")
	}
}

func TestRequestWithoutAProgramOnlyAsksForAnAnswer(t *testing.T) {
	conn, _ := connect(t)
	if err := Run(t.Context(), conn, Request{Token: secret}, Streams{}); err != nil {
		t.Fatal(err)
	}
}

func TestProgramThatIsAbsentIsNamed(t *testing.T) {
	conn, _ := connect(t)
	err := Run(t.Context(), conn, Request{Token: secret, Args: []string{"/absent/keepalived"}}, Streams{})
	if err == nil || !strings.Contains(err.Error(), "start /absent/keepalived: ") {
		t.Fatalf("got %v", err)
	}
}

func TestInputBeyondTheAllowanceEndsTheProgram(t *testing.T) {
	conn, done := connect(t)
	c := newClient(conn)
	if err := c.send(kindRequest, []byte(`{"token":"`+secret+`","args":["sleep","600"]}`)); err != nil {
		t.Fatal(err)
	}
	for c.send(kindStdin, make([]byte, maxPayload)) == nil {
	}
	<-done
}

func TestFrameLengthIsBounded(t *testing.T) {
	if err := writeFrame(io.Discard, kindStdin, make([]byte, maxPayload+1)); !errors.Is(err, errFrameTooLong) {
		t.Errorf("write: %v", err)
	}
	if _, _, err := readFrame(strings.NewReader("\x02\x00\x10\x00\x01")); !errors.Is(err, errFrameTooLong) {
		t.Errorf("read: %v", err)
	}
	if _, _, err := readFrame(strings.NewReader("\x02\x00\x00\x00\x02x")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut frame: %v", err)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00\x01x"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		k, payload, err := readFrame(bytes.NewReader(stream))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := writeFrame(&again, k, payload); err != nil || !bytes.HasPrefix(stream, again.Bytes()) {
			t.Fatalf("written again as %x, error %v", again.Bytes(), err)
		}
	})
}

// writer is called with each piece of output.
type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

// endless is input that never ends.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }
