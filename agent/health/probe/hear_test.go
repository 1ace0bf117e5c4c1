// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

// counted is a dialogue that counts how often, and how many bytes, it judges.
type counted struct {
	check.Dialogue
	times, bytes int
}

func (c *counted) Hear(said int, heard []byte, end bool) check.Answer {
	c.times++
	c.bytes += len(heard)
	return c.Dialogue.Hear(said, heard, end)
}

// drip is a conversation with a real server that sends what the test tells it to.
type drip struct {
	*Prober
	*counted
	t      *testing.T
	server int
}

func newDrip(t *testing.T, c check.Spoken) *drip {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(ends[1]) })
	d := &drip{Prober: p, counted: &counted{Dialogue: c.Dialogue()}, t: t, server: ends[1]}
	asked := target(listen(t, "127.0.0.1:0").Addr(), 50*time.Millisecond)
	p.at = []conversation{{fd: ends[0], target: asked, dialogue: d.counted, connected: true}}
	return d
}

// send sends an answer byte by byte, and says what became of the check; nil: it goes on.
func (d *drip) send(answer string) []monitor.Result {
	d.t.Helper()
	for i := range len(answer) {
		if _, err := unix.Write(d.server, []byte{answer[i]}); err != nil {
			d.t.Fatal(err)
		}
		d.serve(0, unix.EPOLLIN)
	}
	return d.ended
}

// page is an answer of HTTP with so many bytes of body.
func page(bytes int) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nX-Weight: 7\r\nContent-Length: %d\r\n\r\n%s", bytes, strings.Repeat("x", bytes))
}

func TestRealServerThatDripsIsNotJudgedAtEachByte(t *testing.T) {
	d := newDrip(t, request(check.HTTP{Body: "y$"}))
	ended := d.send(page(1 << 20)[:check.MostHeard])
	if len(ended) != 1 || ended[0].Err == nil {
		t.Fatalf("ended: %v", ended)
	}
	if d.times > judgedBytes+32 || d.bytes > 20*check.MostHeard {
		t.Errorf("%d bytes were judged %d times, %d bytes in all", check.MostHeard, d.times, d.bytes)
	}
}

func TestAnswerThatHasDrippedInWholeIsJudgedWhenTheTimeIsOver(t *testing.T) {
	whole := request(check.HTTP{Body: "x$", WeightHeader: "X-Weight"})
	for _, tc := range []struct {
		answer, want string
		weight       uint32
	}{
		{page(4000), "passed", 7},
		{page(4000)[:4000], "the answer was not complete within 50ms: 4000 bytes came", 0},
	} {
		d := newDrip(t, whole)
		if ended := d.send(tc.answer); len(ended) != 0 {
			t.Fatalf("ended before its time was over: %v", ended)
		}
		d.End(0)
		ended := d.Wait(time.Time{})
		if len(ended) != 1 || text(ended[0].Err) != tc.want || ended[0].Weight.Value != tc.weight {
			t.Errorf("ended: %v, want %s and weight %d", ended, tc.want, tc.weight)
		}
	}
}

func TestServerThatDripsLittleAndWaitsForTheDirectorIsAnswered(t *testing.T) {
	d := newDrip(t, check.SMTP{Helo: "director.example"})
	heard := make([]byte, 100)
	for _, turn := range []struct{ reply, said string }{
		{"220 mail.example ESMTP, and no unsolicited mail\r\n", "EHLO director.example\r\n"},
		{"250-mail.example\r\n250-SIZE 10240000\r\n250-PIPELINING\r\n250 8BITMIME\r\n", "QUIT\r\n"},
	} {
		if ended := d.send(turn.reply); len(ended) != 0 {
			t.Fatalf("ended: %v", ended)
		}
		n, err := unix.Read(d.server, heard)
		if err != nil || string(heard[:n]) != turn.said {
			t.Fatalf("after %q the director says %q (%v), want %q", turn.reply, heard[:max(n, 0)], err, turn.said)
		}
	}
	if ended := d.send("221 bye\r\n"); len(ended) != 1 || ended[0].Err != nil {
		t.Errorf("ended: %v", ended)
	}
}
