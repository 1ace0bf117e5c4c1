// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// maxTries bounds the tries that are under way at once.
const maxTries = 4096

// maxAnswer bounds the line that a server says, in bytes.
const maxAnswer = 256

// Dial makes a TCP connection.
type Dial func(ctx context.Context) (net.Conn, error)

// DialTCP returns a Dial to an address and port.
func DialTCP(target string) Dial {
	return func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", target) }
}

// Try is one connection of a poll.
type Try struct {
	// Number counts tries from 0.
	Number int `json:"number"`
	// Start is when it was due to begin; tries start on schedule, whatever the earlier ones do.
	Start time.Time `json:"start"`
	// Milliseconds until the answer was there or the try had failed.
	Milliseconds float64 `json:"ms"`
	// Answer is the server's name; empty for a try that failed.
	Answer string `json:"answer,omitempty"`
	// Failure, and Error for people, say why it failed.
	Failure Failure `json:"failure,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// Poll is a series of fresh connections on a schedule.
type Poll struct {
	Dial Dial
	// Every is the time between the starts of two tries, above 0.
	Every time.Duration
	// Timeout bounds each try, from its start to the answer. At most 4096 tries fit in it.
	Timeout time.Duration
	// Count ends the poll after so many tries; 0 means that only ctx ends it.
	Count int
}

// Run calls report with each try as it ends, one at a time, not always in the order of their numbers. It returns when
// the last try has ended. Tries that the end of ctx cuts off are left out.
func (p Poll) Run(ctx context.Context, report func(Try)) error {
	if p.Every <= 0 || p.Timeout <= 0 || p.Timeout/p.Every >= maxTries {
		return fmt.Errorf("poll every %s with timeout %s: both must be above 0, and at most %d tries be under way", p.Every, p.Timeout, maxTries)
	}
	var running sync.WaitGroup
	defer running.Wait()
	var reporting sync.Mutex
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for number := 0; p.Count == 0 || number < p.Count; number++ {
		due := start.Add(time.Duration(number) * p.Every)
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		running.Go(func() {
			try := p.try(ctx, number, due)
			if try.Failure == Stopped {
				return
			}
			reporting.Lock()
			defer reporting.Unlock()
			report(try)
		})
	}
	return nil
}

func (p Poll) try(ctx context.Context, number int, due time.Time) Try {
	ctx, cancel := context.WithDeadline(ctx, due.Add(p.Timeout))
	defer cancel()
	answer, err := ask(ctx, p.Dial)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		err = context.Canceled
	}
	try := Try{
		Number: number, Start: due, Milliseconds: float64(time.Since(due).Microseconds()) / 1000,
		Answer: answer, Failure: classify(err),
	}
	if err != nil {
		try.Error = err.Error()
	}
	return try
}

// ask returns the first line that the server says.
func ask(ctx context.Context, dial Dial) (string, error) {
	name, conn, err := Connect(ctx, dial)
	if err != nil {
		return "", err
	}
	_ = conn.Close()
	return name, nil
}

// Connect makes a connection and returns the server's name and the connection, which is the caller's to close. The end of
// ctx bounds the dialing and the wait for the name, and nothing after them.
func Connect(ctx context.Context, dial Dial) (name string, conn net.Conn, err error) {
	conn, err = dial(ctx)
	if err != nil {
		return "", nil, err
	}
	if name, _, err = greeting(ctx, conn); err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = conn.Close()
		return "", nil, err
	}
	return name, conn, nil
}

// greeting reads the server's name. The end of ctx ends each use of conn from then on.
func greeting(ctx context.Context, conn net.Conn) (string, *bufio.Reader, error) {
	deadline, ok := ctx.Deadline()
	if ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", nil, err
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	reader := bufio.NewReaderSize(conn, maxAnswer)
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return "", nil, err
	}
	return strings.TrimSuffix(string(line), "\n"), reader, nil
}
