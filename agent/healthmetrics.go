// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

// healthMetrics are the metrics of the health checks, asked for when they are scraped: a prometheus.Collector.
type healthMetrics struct {
	monitor *monitor.Monitor
	// perServer says that each real server has series of its own.
	perServer bool

	checks, transitions, inconclusive, stuck, loopAge *prometheus.Desc
	up, latency, since                                *prometheus.Desc
}

func newHealthMetrics(m *monitor.Monitor, perServer bool) *healthMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("lvs", "agent", name), help, labels, nil)
	}
	return &healthMetrics{
		monitor: m, perServer: perServer,
		checks:       desc("health_checks_total", "Health checks that were started since the agent's start."),
		transitions:  desc("health_transitions_total", "How often checks found real servers up that were not, or down, since the agent's start; the first check of each included.", "to"),
		inconclusive: desc("inconclusive_health_checks_total", "Health checks that could not be made, or did not end, for a reason that lies in the director, since the agent's start: their real servers stay as they are."),
		stuck:        desc("stuck_health_checks", "Health checks that run though they were told to end more than 5 s ago: a fault of the agent's."),
		loopAge:      desc("health_check_loop_age_seconds", "Time since the loop of the health checks last turned, in seconds: 5 at most, else it hangs and nothing is checked."),
		up:           desc("real_server_up", "1 when the checks say that the real server is up, else 0.", "check", "address"),
		latency:      desc("real_server_check_seconds", "How long the real server's last check took, in seconds.", "check", "address"),
		since:        desc("real_server_state_since_seconds", "Since when the real server is up, down or unknown, as the time in Unix seconds.", "check", "address"),
	}
}

// Describe implements prometheus.Collector.
func (h *healthMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{h.checks, h.transitions, h.inconclusive, h.stuck, h.loopAge, h.up, h.latency, h.since} {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (h *healthMetrics) Collect(to chan<- prometheus.Metric) {
	counter := func(desc *prometheus.Desc, value uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), labels...)
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	stats := h.monitor.Stats()
	counter(h.checks, stats.Started)
	counter(h.transitions, stats.WentUp, health.Up.String())
	counter(h.transitions, stats.WentDown, health.Down.String())
	counter(h.inconclusive, stats.Inconclusive)
	gauge(h.stuck, float64(stats.Stuck))
	gauge(h.loopAge, time.Since(stats.Turned).Seconds())
	if !h.perServer {
		return
	}
	h.each(func(s series, status health.Status) {
		up := 0.0
		if status.State == health.Up {
			up = 1
		}
		gauge(h.up, up, s.check, s.address)
		gauge(h.since, float64(status.Since.UnixMilli())/1000, s.check, s.address)
		if status.Latency > 0 {
			gauge(h.latency, status.Latency.Seconds(), s.check, s.address)
		}
	})
}

// series are the labels of a real server.
type series struct{ check, address string }

// each goes through the series of all real servers. Pools may check one real server in ways that differ in nothing but, for example, the
// interval: these share their labels, and of those in the worst state the one that has been so for longest counts.
func (h *healthMetrics) each(report func(series, health.Status)) {
	var last series
	var worst health.Status
	for target, status := range h.monitor.All() {
		s := series{target.Spec.What(), target.Address.String()}
		switch {
		case s != last:
			if last != (series{}) {
				report(last, worst)
			}
			last, worst = s, status
		case status.State < worst.State: // of one state the first is the oldest
			worst = status
		}
	}
	if last != (series{}) {
		report(last, worst)
	}
}
