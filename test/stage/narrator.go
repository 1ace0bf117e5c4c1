// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Narrator prints what a step expects, what was measured, and what the directors' tables are. Its
// methods may be called by several goroutines.
type Narrator struct {
	mu  sync.Mutex
	out io.Writer
}

func (n *Narrator) print(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, _ = fmt.Fprintf(n.out, format+"\n", args...)
}

// Title begins a step.
func (n *Narrator) Title(text string) { n.print("\n=== %s", text) }

// Note prints one line.
func (n *Narrator) Note(format string, args ...any) { n.print("    "+format, args...) }

// Block prints text, indented, under a heading.
func (n *Narrator) Block(heading, text string) {
	n.Note("%s:", heading)
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		n.Note("  %s", strings.TrimRight(line, "\n"))
	}
}

// Check prints an expectation and what was measured. It is an error when the expectation does not hold.
func (n *Narrator) Check(holds bool, expected, measured string, args ...any) error {
	measured = fmt.Sprintf(measured, args...)
	verdict := "ok"
	if !holds {
		verdict = "DOES NOT HOLD"
	}
	n.Note("expected: %s", expected)
	n.Note("measured: %s   [%s]", measured, verdict)
	if !holds {
		return fmt.Errorf("expected: %s; measured: %s", expected, measured)
	}
	return nil
}

// Waiting prints a line every five seconds until the returned function is called.
func (n *Narrator) Waiting(format string, args ...any) (done func()) {
	text := fmt.Sprintf(format, args...)
	n.Note("... %s", text)
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
				n.Note("... %s (%.0f s)", text, time.Since(began).Seconds())
			}
		}
	}()
	return sync.OnceFunc(func() { close(stop) })
}
