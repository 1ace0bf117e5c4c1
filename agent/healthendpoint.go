// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

const (
	// mostAnswers is how many requests for the real servers are answered at the same time.
	mostAnswers = 4
	// answerBound is how long one may take, with a client that reads slowly.
	answerBound = 30 * time.Second
)

// realServers answers GET /realservers with what the checks say of each real server: JSON, one object a line, sorted by address and then
// by check. The query state=up, down or unknown, which may come several times, asks for those in these states only.
type realServers struct {
	monitor *monitor.Monitor
	// answers has an element for each answer that is being given.
	answers chan struct{}
}

func newRealServers(m *monitor.Monitor) *realServers {
	return &realServers{monitor: m, answers: make(chan struct{}, mostAnswers)}
}

// realServerLine is one line of the answer.
type realServerLine struct {
	Address             string    `json:"address"`
	Check               string    `json:"check"`
	State               string    `json:"state"`
	Since               time.Time `json:"since"`
	Reason              string    `json:"reason"`
	LatencyMilliseconds float64   `json:"latencyMilliseconds"`
	Checked             bool      `json:"checked"`
	// Weight is the one that the real server gave itself in its last answer.
	Weight *uint32 `json:"weight,omitempty"`
}

// ServeHTTP implements http.Handler.
func (r *realServers) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	wanted, err := wantedStates(request.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case r.answers <- struct{}{}:
		defer func() { <-r.answers }()
	default:
		http.Error(w, fmt.Sprintf("%d such requests are being answered: ask again later", mostAnswers), http.StatusServiceUnavailable)
		return
	}
	// A writer without deadlines is one of a test.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerBound))
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	for target, status := range r.monitor.All() {
		if !wanted[status.State] {
			continue
		}
		if err := lines.Encode(lineOf(target, status)); err != nil {
			return // the client is gone
		}
	}
}

func lineOf(target health.Target, status health.Status) realServerLine {
	var weight *uint32
	if status.Weight.Given {
		weight = &status.Weight.Value
	}
	return realServerLine{
		Weight:  weight,
		Address: target.Address.String(), Check: target.Spec.What(), State: status.State.String(), Since: status.Since.UTC(),
		Reason: status.Reason, LatencyMilliseconds: float64(status.Latency.Microseconds()) / 1000, Checked: status.Checked,
	}
}

// wantedStates reads a query; all states if it is empty.
func wantedStates(query string) (map[health.State]bool, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("read the query: %w", err)
	}
	named, wanted := map[string]health.State{}, map[health.State]bool{}
	for _, state := range []health.State{health.Up, health.Down, health.Unknown} {
		named[state.String()], wanted[state] = state, len(values) == 0
	}
	for name, texts := range values {
		if name != "state" {
			return nil, fmt.Errorf("the query has %q: want state=up, state=down, state=unknown or nothing", name)
		}
		for _, text := range texts {
			state, known := named[text]
			if !known {
				return nil, fmt.Errorf("state is %q: want up, down or unknown", text)
			}
			wanted[state] = true
		}
	}
	return wanted, nil
}
