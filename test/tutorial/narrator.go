// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// narrator prints what a step expects, what was measured, and what the directors' tables are.
type narrator struct {
	mu  sync.Mutex
	out io.Writer
}

func (n *narrator) print(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, _ = fmt.Fprintf(n.out, format+"\n", args...)
}

func (n *narrator) title(text string) { n.print("\n=== %s", text) }

func (n *narrator) note(format string, args ...any) { n.print("    "+format, args...) }

// block prints text, indented, under a heading.
func (n *narrator) block(heading, text string) {
	n.note("%s:", heading)
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		n.note("  %s", strings.TrimRight(line, "\n"))
	}
}

// check prints an expectation and what was measured. It is an error when the expectation does not hold.
func (n *narrator) check(holds bool, expected, measured string, args ...any) error {
	measured = fmt.Sprintf(measured, args...)
	verdict := "ok"
	if !holds {
		verdict = "DOES NOT HOLD"
	}
	n.note("expected: %s", expected)
	n.note("measured: %s   [%s]", measured, verdict)
	if !holds {
		return fmt.Errorf("expected: %s; measured: %s", expected, measured)
	}
	return nil
}

// waiting prints a line every five seconds until the returned function is called.
func (n *narrator) waiting(format string, args ...any) (done func()) {
	text := fmt.Sprintf(format, args...)
	n.note("... %s", text)
	began := time.Now()
	stop := make(chan struct{})
	go func() {
		every := time.NewTicker(5 * time.Second)
		defer every.Stop()
		for {
			select {
			case <-stop:
				return
			case <-every.C:
				n.note("... %s (%.0f s)", text, time.Since(began).Seconds())
			}
		}
	}()
	return sync.OnceFunc(func() { close(stop) })
}
