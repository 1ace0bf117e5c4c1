// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the agent's own; each has the prefix lvs_agent_.
type metrics struct {
	registry   *prometheus.Registry
	operations prometheus.Counter
	failures   prometheus.Counter
	drift      prometheus.Counter
	passes     prometheus.Counter
	passTime   prometheus.Histogram
	services   prometheus.Gauge
	servers    prometheus.Gauge
	healthy    prometheus.Gauge
	problems   prometheus.Gauge
	connected  prometheus.Gauge
	complete   prometheus.Gauge
	active     *prometheus.GaugeVec
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "lvs", Subsystem: "agent", Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "lvs", Subsystem: "agent", Name: name, Help: help})
	}
	m := &metrics{
		registry:   prometheus.NewRegistry(),
		operations: counter("kernel_operations_total", "Changes of IPVS, addresses and sysctls that were sent to the kernel since the agent's start."),
		failures:   counter("kernel_operation_failures_total", "Changes that the kernel refused."),
		drift:      counter("drift_repairs_total", "Changes that put back what somebody else had changed."),
		passes:     counter("passes_total", "Comparisons of the desired state with the kernel."),
		passTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "lvs", Subsystem: "agent", Name: "pass_seconds", Help: "Time of one comparison and what it led to, in seconds.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		services:  gauge("services", "IPVS services that this agent keeps."),
		servers:   gauge("real_servers", "Real servers of those services, healthy or not."),
		healthy:   gauge("healthy_real_servers", "Real servers that are in the kernel because they are healthy or unchecked."),
		problems:  gauge("problems", "Problems in NodeState.status."),
		connected: gauge("api_connected", "1 when the API server has answered since the agent's start, else 0."),
		complete:  gauge("view_complete", "1 when the API server has been seen whole since the agent's start, else 0 (it serves from its checkpoint)."),
		active: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "lvs", Subsystem: "agent", Name: "vrrp_active", Help: "1 when this node is Active for the virtual router.",
		}, []string{"director_group", "interface", "virtual_router_id"}),
	}
	m.registry.MustRegister(m.operations, m.failures, m.drift, m.passes, m.passTime, m.services, m.servers, m.healthy,
		m.problems, m.connected, m.complete, m.active, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// serve answers /metrics and /healthz until ctx ends.
func (m *metrics) serve(ctx context.Context, address string) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s for metrics: %w; choose another address with --metrics-bind-address", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 14}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics on %s: %w", address, err)
	}
	return nil
}
