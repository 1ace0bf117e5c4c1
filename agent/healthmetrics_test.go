// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

// expectSeries compares the series of a scrape whose names begin with a prefix, sorted.
func expectSeries(t *testing.T, answer *httptest.ResponseRecorder, prefix string, want ...string) {
	t.Helper()
	if answer.Code != http.StatusOK {
		t.Fatalf("the scrape gets %d %s", answer.Code, answer.Body)
	}
	var got []string
	for line := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(line, prefix) {
			got = append(got, strings.TrimSpace(line))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestEachRealServerHasSeriesOfItsOwn(t *testing.T) {
	watched(t, true, three, func(get func(string) *httptest.ResponseRecorder) {
		answer := get("/metrics")
		expectSeries(t, answer, "lvs_agent_real_server_",
			`lvs_agent_real_server_check_seconds{address="192.0.2.111:80",check="tcp"} 0.0015`,
			`lvs_agent_real_server_state_since_seconds{address="192.0.2.111:80",check="tcp"} 9.46684800001e+08`,
			`lvs_agent_real_server_state_since_seconds{address="192.0.2.12:81",check="tcp"} 9.466848e+08`,
			`lvs_agent_real_server_state_since_seconds{address="[2001:db8::111]:82",check="tcp"} 9.466848e+08`,
			`lvs_agent_real_server_up{address="192.0.2.111:80",check="tcp"} 1`,
			`lvs_agent_real_server_up{address="192.0.2.12:81",check="tcp"} 0`,
			`lvs_agent_real_server_up{address="[2001:db8::111]:82",check="tcp"} 0`,
		)
		expectSeries(t, answer, "lvs_agent_health_",
			`lvs_agent_health_check_loop_age_seconds 0.4985`, `lvs_agent_health_checks_total 3`,
			`lvs_agent_health_transitions_total{to="down"} 1`, `lvs_agent_health_transitions_total{to="up"} 1`,
		)
		expectSeries(t, answer, "lvs_agent_inconclusive_", `lvs_agent_inconclusive_health_checks_total 0`)
		expectSeries(t, answer, "lvs_agent_stuck_", `lvs_agent_stuck_health_checks 0`)
	})
}

func TestChecksThatTheDirectorCannotMakeAreSeen(t *testing.T) {
	unmade := map[health.Target]monitor.Initial{checkedBy("192.0.2.12:83", 200*time.Millisecond, 0): monitor.AdoptUp}
	watched(t, false, unmade, func(get func(string) *httptest.ResponseRecorder) {
		answer := get("/metrics")
		expectSeries(t, answer, "lvs_agent_inconclusive_", `lvs_agent_inconclusive_health_checks_total 3`)
		expectSeries(t, answer, "lvs_agent_health_transitions_", `lvs_agent_health_transitions_total{to="down"} 0`, `lvs_agent_health_transitions_total{to="up"} 0`)
	})
}

func TestTheSeriesOfRealServersCanBeTurnedOff(t *testing.T) {
	watched(t, false, three, func(get func(string) *httptest.ResponseRecorder) {
		answer := get("/metrics")
		expectSeries(t, answer, "lvs_agent_real_server_")
		expectSeries(t, answer, "lvs_agent_health_checks_total", `lvs_agent_health_checks_total 3`)
	})
}

func TestRealServerThatTwoPoolsCheckDifferentlyIsUpWhenBothSaySo(t *testing.T) {
	strict, lax, slow := checkedBy("192.0.2.12:81", time.Minute, 0), checkedBy("192.0.2.12:81", time.Minute, 3), checkedBy("192.0.2.12:81", time.Hour, 3)
	all := map[health.Target]monitor.Initial{
		strict: monitor.AdoptUp, lax: monitor.AdoptUp, slow: monitor.AdoptUp, checkedBy("192.0.2.13:80", time.Minute, 0): monitor.AdoptUp,
		checkedBy("192.0.2.13:80", time.Hour, 0): monitor.AdoptUp,
	}
	watched(t, true, all, func(get func(string) *httptest.ResponseRecorder) {
		expectSeries(t, get("/metrics"), "lvs_agent_real_server_up",
			`lvs_agent_real_server_up{address="192.0.2.12:81",check="tcp"} 0`, `lvs_agent_real_server_up{address="192.0.2.13:80",check="tcp"} 1`)
		if got := strings.Count(get("/realservers?state=up").Body.String(), "\n"); got != 4 {
			t.Errorf("the endpoint shows %d checks that say up, want 4: it merges nothing", got)
		}
	})
}
