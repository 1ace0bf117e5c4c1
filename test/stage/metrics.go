// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	dto "github.com/prometheus/client_model/go"
)

// agentMetrics is where each agent, alone on its host, serves its metrics.
const agentMetrics = "127.0.0.1:9660"

// Metric reads one of an agent's metrics that has no labels. An agent that does not answer yet is an error.
func (s *Stage) Metric(ctx context.Context, host, name string) (float64, error) {
	families, err := s.scrape(ctx, host)
	if err != nil {
		return 0, fmt.Errorf("read the metrics of the agent on %s: %w", host, err)
	}
	family, ok := families[name]
	if !ok || len(family.GetMetric()) != 1 {
		return 0, fmt.Errorf("the agent on %s has no metric %s", host, name)
	}
	m := family.GetMetric()[0]
	return m.GetCounter().GetValue() + m.GetGauge().GetValue(), nil
}

func (s *Stage) scrape(ctx context.Context, host string) (map[string]*dto.MetricFamily, error) {
	var conn net.Conn
	if err := s.hosts[host].Do(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", agentMetrics)
		return err
	}); err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+agentMetrics+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	request.Close = true
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(response.Body)
}
