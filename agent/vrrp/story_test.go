// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

var update = flag.Bool("update", false, "write what the stories in testdata now tell")

// A story is a file of commands, each followed by what it leads to, indented:
//
//	config priority=100 interval=1s ...    a new instance; names as in story.set
//	t=1.2s start [resume]                  the inputs of the instance, at that time since the beginning;
//	t=next tick                            "next" is the deadline
//	t=2s receive priority=99 from=192.0.2.112 [names as in config, for the sender's advertisement]
//	t=3s reconfigure priority=50
//	t=4s shutdown
//	t=5s yield
//	t=6s claim
//
// Lines that start with # and empty lines are kept.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			told := tell(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(told), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(text), told); diff != "" && !*update {
				t.Errorf("the story goes otherwise (-file +now):\n%s", diff)
			}
		})
	}
}

type story struct {
	t        *testing.T
	instance *vrrp.Instance
	start    time.Time
}

func tell(t *testing.T, text string) string {
	s := story{t: t, start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "    ") {
			continue
		}
		out.WriteString(line)
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			fmt.Fprintf(&out, "    %s\n", s.do(strings.Fields(line)))
		}
	}
	return out.String()
}

func (s *story) do(words []string) string {
	if words[0] == "config" {
		c := vrrp.Config{Version: vrrp.Version3, VRID: 66, Preempt: true, Addresses: vips[:1]}
		s.set(&c, words[1:])
		instance, err := vrrp.NewInstance(c)
		if err != nil {
			return err.Error()
		}
		s.instance = instance
		return s.result(0, nil)
	}
	now := s.at(words[0])
	switch words[1] {
	case "start":
		return s.result(s.instance.Start(now, len(words) > 2 && words[2] == "resume"), nil)
	case "tick":
		return s.result(s.instance.Tick(now), nil)
	case "shutdown":
		return s.result(s.instance.Shutdown(now), nil)
	case "yield":
		return s.result(s.instance.Yield(now), nil)
	case "claim":
		return s.result(s.instance.Claim(now), nil)
	case "reconfigure":
		c := s.instance.Config()
		s.set(&c, words[2:])
		return s.result(s.instance.Reconfigure(now, c))
	case "receive":
		return s.result(s.receive(now, words[2:]))
	}
	s.t.Fatalf("unknown command %q", words)
	return ""
}

func (s *story) receive(now time.Time, words []string) (vrrp.Actions, error) {
	peer := s.instance.Config()
	s.set(&peer, words)
	sender, err := vrrp.NewInstance(peer)
	resigns := false
	if peer.Priority == 0 {
		peer.Priority, resigns = 1, true
		sender, err = vrrp.NewInstance(peer)
	}
	if err != nil {
		s.t.Fatalf("sender: %v", err)
	}
	a := sender.Advertisement()
	if resigns {
		a = sender.Resignation()
	}
	a.Unicast = len(peer.Peers) > 0
	return s.instance.Receive(now, peer.Source, &a)
}

func (s *story) at(word string) time.Time {
	text := strings.TrimPrefix(word, "t=")
	if text == "next" {
		return s.instance.Deadline()
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatalf("%q: %v", word, err)
	}
	return s.start.Add(d)
}

func (s *story) result(actions vrrp.Actions, err error) string {
	if err != nil {
		return err.Error()
	}
	next := "never"
	if d := s.instance.Deadline(); !d.IsZero() {
		next = "t=" + d.Sub(s.start).String()
	}
	line := fmt.Sprintf("%s: %s; next %s", s.instance.State(), actions, next)
	if src := s.instance.ActiveSource(); src.IsValid() {
		line += "; follows " + src.String()
	}
	if s.instance.Config().Waits {
		line += "; " + s.instance.Standing().String()
	}
	return line
}

func (s *story) set(c *vrrp.Config, words []string) {
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "version":
			c.Version = vrrp.Version(s.number(value))
		case "vrid":
			c.VRID = s.number(value)
		case "priority":
			c.Priority = s.number(value)
		case "interval":
			c.Interval, err = time.ParseDuration(value)
		case "delay":
			c.PreemptDelay, err = time.ParseDuration(value)
		case "peer":
			var a netip.Addr
			a, err = netip.ParseAddr(value)
			c.Peers = append(slices.Clone(c.Peers), a)
		case "preempt":
			c.Preempt, err = strconv.ParseBool(value)
		case "waits":
			c.Waits, err = strconv.ParseBool(value)
		case "password":
			c.Password = vrrp.NewPassword(value)
		case "source", "from":
			c.Source, err = netip.ParseAddr(value)
		case "address":
			var a netip.Addr
			a, err = netip.ParseAddr(value)
			c.Addresses = []netip.Addr{a}
		default:
			s.t.Fatalf("unknown name %q", name)
		}
		if err != nil {
			s.t.Fatalf("%q: %v", word, err)
		}
	}
}

func (s *story) number(text string) uint8 {
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		s.t.Fatal(err)
	}
	return uint8(n)
}
