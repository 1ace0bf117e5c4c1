// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor/monitortest"
)

// checkedBy is a check by TCP of a real server, every so often.
func checkedBy(address string, interval time.Duration, retries int) health.Target {
	return health.Target{Address: netip.MustParseAddrPort(address), Spec: health.Spec{
		Check: check.TCP{}, Interval: interval, Timeout: time.Second, RetryDelay: time.Second, Retries: retries,
	}}
}

// listeners checks real servers: those on port 80 accept after 1.5 ms, those on port 81 refuse, those on port 83 it cannot check, and the
// others hang.
func listeners(ctx context.Context, t health.Target) error {
	switch t.Address.Port() {
	case 80:
		<-time.After(1500 * time.Microsecond)
		return nil
	case 81:
		return errors.New("connection refused")
	case 83:
		return health.ErrInconclusive
	default:
		<-ctx.Done()
		return errors.New("no answer within 1s")
	}
}

// watched runs a monitor of the targets, half a second after they began, and f with what its agent answers on the metrics listener.
func watched(t *testing.T, perServer bool, targets map[health.Target]monitor.Initial, f func(get func(path string) *httptest.ResponseRecorder)) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		m := monitor.New(monitor.Options{Prober: monitortest.New(listeners)})
		defer m.Close()
		m.Update(targets, nil)
		<-time.After(500 * time.Millisecond)
		synctest.Wait()
		metrics := newMetrics()
		metrics.registry.MustRegister(newHealthMetrics(m, perServer))
		handler := metrics.handler(newRealServers(m))
		f(func(path string) *httptest.ResponseRecorder {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
			return answer
		})
	})
}

// three are one real server in each state.
var three = map[health.Target]monitor.Initial{
	checkedBy("192.0.2.111:80", time.Minute, 0): monitor.StartDown, checkedBy("192.0.2.12:81", time.Minute, 0): monitor.StartDown,
	checkedBy("[2001:db8::111]:82", time.Minute, 0): monitor.StartDown,
}

const (
	downLine    = `{"address":"192.0.2.12:81","check":"tcp","state":"down","since":"2000-01-01T00:00:00Z","reason":"connection refused","latencyMilliseconds":0,"checked":true}` + "\n"
	upLine      = `{"address":"192.0.2.111:80","check":"tcp","state":"up","since":"2000-01-01T00:00:00.0015Z","reason":"","latencyMilliseconds":1.5,"checked":true}` + "\n"
	unknownLine = `{"address":"[2001:db8::111]:82","check":"tcp","state":"unknown","since":"2000-01-01T00:00:00Z","reason":"","latencyMilliseconds":0,"checked":false}` + "\n"
)

func TestEndpointShowsTheRealServersThatAreAskedFor(t *testing.T) {
	watched(t, false, three, func(get func(string) *httptest.ResponseRecorder) {
		for query, want := range map[string]string{
			"": downLine + upLine + unknownLine, "?": downLine + upLine + unknownLine,
			"?state=up": upLine, "?state=down": downLine, "?state=unknown": unknownLine, "?state=up&state=down": downLine + upLine,
		} {
			answer := get("/realservers" + query)
			if answer.Code != http.StatusOK || answer.Header().Get("Content-Type") != "application/x-ndjson" || answer.Body.String() != want {
				t.Errorf("%q gets %d %v\n%swant\n%s", query, answer.Code, answer.Header(), answer.Body, want)
			}
		}
	})
}

func TestEndpointSaysWhatAQueryMayBe(t *testing.T) {
	watched(t, false, three, func(get func(string) *httptest.ResponseRecorder) {
		for query, want := range map[string]string{
			"state=dead": `state is "dead": want up, down or unknown`, "state=": `state is "": want up, down or unknown`,
			"state=up&state=Down": `state is "Down": want up, down or unknown`,
			"status=up":           `the query has "status": want state=up, state=down, state=unknown or nothing`,
			"state=%zz":           `read the query: invalid URL escape "%zz"`,
		} {
			answer := get("/realservers?" + query)
			if answer.Code != http.StatusBadRequest || strings.TrimSpace(answer.Body.String()) != want {
				t.Errorf("%q gets %d %s, want 400 %s", query, answer.Code, answer.Body, want)
			}
		}
	})
}

func TestEndpointOnlyReads(t *testing.T) {
	handler := newMetrics().handler(newRealServers(nil))
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/realservers", nil))
	if answer.Code != http.StatusMethodNotAllowed {
		t.Errorf("a POST gets %d, want 405", answer.Code)
	}
}

// slowClient reads nothing until it is freed.
type slowClient struct {
	*httptest.ResponseRecorder
	freed chan struct{}
}

func (c slowClient) Write(p []byte) (int, error) {
	<-c.freed
	return c.ResponseRecorder.Write(p)
}

func TestSlowClientsGetNoMoreThanAFewAnswersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := monitor.New(monitor.Options{Prober: monitortest.New(listeners)})
		defer m.Close()
		m.Update(three, nil)
		endpoint, freed := newRealServers(m), make(chan struct{})
		ask := func(w http.ResponseWriter) {
			endpoint.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/realservers", nil))
		}
		for range mostAnswers {
			go ask(slowClient{httptest.NewRecorder(), freed})
		}
		synctest.Wait()
		one := httptest.NewRecorder()
		ask(one)
		if one.Code != http.StatusServiceUnavailable {
			t.Errorf("one more gets %d, want 503", one.Code)
		}
		close(freed)
		synctest.Wait()
		one = httptest.NewRecorder()
		ask(one)
		if one.Code != http.StatusOK {
			t.Errorf("later it gets %d, want 200", one.Code)
		}
	})
}
