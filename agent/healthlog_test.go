// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor/monitortest"
)

// logged is an agent that does nothing but log transitions.
type logged struct {
	*Agent
	lines strings.Builder
}

func newLogged(t *testing.T) *logged {
	t.Helper()
	l := &logged{}
	untimed := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}
	l.Agent = &Agent{
		log:    slog.New(slog.NewTextHandler(&l.lines, &slog.HandlerOptions{ReplaceAttr: untimed})),
		health: monitor.New(monitor.Options{Prober: monitortest.New(listeners)}), memory: newMemory(),
	}
	t.Cleanup(l.health.Close)
	return l
}

// after lets time go by, and returns what a pass then logs.
func (l *logged) after(d time.Duration) string {
	<-time.After(d)
	synctest.Wait()
	l.lines.Reset()
	l.logTransitions(time.Now())
	return l.lines.String()
}

func TestRealServerThatGoesUpOrDownIsLoggedOnceWithTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogged(t)
		l.health.Update(map[health.Target]monitor.Initial{
			checkedBy("192.0.2.111:80", time.Second, 0): monitor.StartDown, checkedBy("192.0.2.114:80", time.Second, 0): monitor.AdoptUp,
		}, nil)
		if got, want := l.after(time.Minute), "msg=\"real server is up\" address=192.0.2.111:80 check=tcp\n"; got != want {
			t.Errorf("got %swant %s", got, want)
		}
		l.health.Update(map[health.Target]monitor.Initial{checkedBy("192.0.2.12:81", time.Second, 0): monitor.AdoptUp}, nil)
		if got, want := l.after(time.Minute), "msg=\"real server is down\" address=192.0.2.12:81 check=tcp reason=\"connection refused\"\n"; got != want {
			t.Errorf("got %swant %s", got, want)
		}
		if got := l.after(time.Minute); got != "" {
			t.Errorf("nothing happened, and logged was %s", got)
		}
	})
}

func TestTenThousandDeathsAreFewLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogged(t)
		dying := map[health.Target]monitor.Initial{}
		address := netip.MustParseAddr("2001:db8::1")
		for range 10000 {
			dying[checkedBy(netip.AddrPortFrom(address, 81).String(), time.Minute, 0)] = monitor.AdoptUp
			address = address.Next()
		}
		l.health.Update(dying, nil)
		lines := 0
		var last string
		for range 100 { // passes within the five seconds in which they are checked, and then the audits
			if got := l.after(100 * time.Millisecond); got != "" {
				lines, last = lines+strings.Count(got, "\n"), got
			}
		}
		const most = 3*longList + 2
		if lines < longList+1 || lines > most || !strings.Contains(last, "more real servers went up and down") {
			t.Errorf("logged %d lines, at last %s; want up to %d and the sum of the others", lines, last, most)
		}
	})
}

func TestPassLogsWhatChecksFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		var lines strings.Builder
		n.log = slog.New(slog.NewTextHandler(&lines, nil))
		n.servers.set("192.0.2.11:8080", true)
		for range 30 {
			<-time.After(time.Second)
			n.settle(t)
		}
		const want = `msg="real server is down" address=192.0.2.11:8080 check=tcp reason="connection refused"`
		if strings.Count(lines.String(), want) != 1 {
			t.Errorf("want once %s in\n%s", want, lines.String())
		}
	})
}
