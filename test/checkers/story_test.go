// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// story is a check of one real server, and what becomes of it.
type story struct {
	name  string
	check check.Check
	at    netip.AddrPort
	// want is "up", or why the real server is down; of several lines any will do.
	want string
	// timeout is that of the check; 0: long, since nothing has to wait for its end.
	timeout time.Duration
}

const up = "up"

// The timeouts of checks. What comes before the end of a short one, as connecting, has to be over by then, also on a slow machine.
const (
	short = 5 * time.Second
	long  = 30 * time.Second
)

// target is made once for all: its next check is due when all is over.
func (s story) target() health.Target {
	return health.Target{
		Address: s.at, Spec: health.Spec{Check: s.check, Interval: time.Hour, Timeout: cmp.Or(s.timeout, long), RetryDelay: time.Second, Retries: 1},
	}
}

// play has the director check all real servers at the same time, and compares.
func play(t *testing.T, stories []story) {
	t.Helper()
	told := judge(t, stories, len(stories))
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) { s.compare(t, told) })
	}
}

func (s story) compare(t *testing.T, told map[health.Target]health.Status) {
	t.Helper()
	status, found := told[s.target()]
	got := status.Reason
	switch {
	case !found:
		got = "nothing"
	case status.State == health.Up:
		got = up
	}
	if !slices.Contains(strings.Split(s.want, "\n"), got) {
		t.Errorf("%v: got %s\nwant %s", s.target(), got, s.want)
	}
}

// judge has the director check all real servers at the same time, until it has told of so many, and returns what it told.
func judge(t *testing.T, stories []story, enough int) map[health.Target]health.Status {
	t.Helper()
	var targets []health.Target
	for _, s := range stories {
		if err := s.target().Spec.Validate(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		targets = append(targets, s.target())
	}
	asked, err := json.Marshal(targets)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	director := stage.director.Command(ctx, self, asDirector)
	var complaint bytes.Buffer
	director.Stdin, director.Stderr = bytes.NewReader(asked), &complaint
	said, err := director.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := director.Start(); err != nil {
		t.Fatal(err)
	}
	told := map[health.Target]health.Status{}
	for lines := json.NewDecoder(said); len(told) < enough; {
		var v verdict
		if err := lines.Decode(&v); err != nil {
			t.Errorf("the director told of %d real servers, want %d: %v: %s", len(told), enough, err, complaint.Bytes())
			break
		}
		told[v.Target] = v.Status
	}
	cancel()
	_ = director.Wait() // it was ended
	return told
}
