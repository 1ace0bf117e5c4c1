// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"time"
)

// Held is what a long connection saw.
type Held struct {
	// Answer is the name of the server at the other end.
	Answer string `json:"answer"`
	// Echoes counts the lines that came back.
	Echoes int `json:"echoes"`
	// LongestMilliseconds is the longest wait from the sending of a line to its echo.
	LongestMilliseconds float64 `json:"longest_ms"`
	// Failure, and Error for people, say what ended the connection; both are empty where the client did.
	Failure Failure `json:"failure,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// Hold is one connection that sends a line on a schedule and waits for its echo.
type Hold struct {
	Dial Dial
	// Every is the time between the starts of two lines, above 0. A line waits for the echo of the one before.
	Every time.Duration
	// Timeout bounds the connecting and each echo. TCP repeats what was lost, so an echo may be late and still come.
	Timeout time.Duration
}

// Run holds the connection until ctx ends or it breaks, and calls connected once the server has said its name. connected
// may be nil.
func (h Hold) Run(ctx context.Context, connected func(name string)) (Held, error) {
	if h.Every <= 0 || h.Timeout <= 0 {
		return Held{}, fmt.Errorf("hold a connection with a line every %s, timeout %s: both must be above 0", h.Every, h.Timeout)
	}
	var held Held
	err := h.hold(ctx, connected, &held)
	if failure := classify(err); ctx.Err() == nil && failure != "" {
		held.Failure, held.Error = failure, err.Error()
	}
	return held, nil
}

func (h Hold) hold(ctx context.Context, connected func(string), held *Held) error {
	starting, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	conn, err := h.Dial(starting)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	name, reader, err := greeting(starting, conn)
	if err != nil {
		return err
	}
	held.Answer = name
	if connected != nil {
		connected(name)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	tick := time.NewTicker(h.Every)
	defer tick.Stop()
	for {
		if err := h.exchange(conn, reader, held); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// exchange sends the next line and waits for its echo.
func (h Hold) exchange(conn net.Conn, reader *bufio.Reader, held *Held) error {
	began := time.Now()
	if err := conn.SetDeadline(began.Add(h.Timeout)); err != nil {
		return err
	}
	line := fmt.Sprintf("line %d\n", held.Echoes)
	if _, err := conn.Write([]byte(line)); err != nil {
		return err
	}
	echo, err := reader.ReadSlice('\n')
	if err != nil {
		return err
	}
	if string(echo) != line {
		return fmt.Errorf("sent %q, got %q back", line, echo)
	}
	held.Echoes++
	held.LongestMilliseconds = max(held.LongestMilliseconds, float64(time.Since(began).Microseconds())/1000)
	return nil
}
