// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	lateChecks prometheus.Gauge
	connected  prometheus.Gauge
	complete   prometheus.Gauge
	active     *prometheus.GaugeVec
	lateness   *prometheus.GaugeVec
	yields     *prometheus.GaugeVec
	rivals     *prometheus.GaugeVec
	strangers  *prometheus.GaugeVec
	sendErrors *prometheus.GaugeVec
	discarded  *prometheus.GaugeVec
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "lvs", Subsystem: "agent", Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "lvs", Subsystem: "agent", Name: name, Help: help})
	}
	router := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "lvs", Subsystem: "agent", Name: name, Help: help},
			append([]string{"director_group", "interface", "virtual_router_id"}, labels...))
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
		services:   gauge("services", "IPVS services that this agent keeps."),
		servers:    gauge("real_servers", "Real servers of those services, healthy or not."),
		healthy:    gauge("healthy_real_servers", "Real servers that are healthy, or that are not checked."),
		problems:   gauge("problems", "Problems in NodeState.status."),
		lateChecks: gauge("late_health_checks", "Health checks since the agent's start that began more than 100 ms late: dead real servers are then removed later than promised."),
		connected:  gauge("api_connected", "1 when the API server has answered since the agent's start, else 0."),
		complete:   gauge("view_complete", "1 when the API server has been seen whole since the agent's start, else 0 (it serves from its checkpoint)."),
		active:     router("vrrp_active", "1 when this node is Active for the virtual router."),
		yields:     router("vrrp_yields", "How often the virtual router lowered its priority because its node ran too late."),
		rivals:     router("vrrp_rivals", "Advertisements of another Active that the virtual router heard while it was Active itself."),
		lateness:   router("vrrp_max_lateness_seconds", "The most by which an action of the virtual router was late since it started, in seconds."),
		strangers: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "lvs", Subsystem: "agent", Name: "vrrp_foreign_router",
			Help: "1 for each virtual router of others that was heard on the link of an interface within the last minute.",
		}, []string{"interface", "virtual_router_id", "family", "source"}),
		sendErrors: router("vrrp_send_errors", "Advertisements that could not be sent since the virtual router started."),
		discarded:  router("vrrp_discarded", "Advertisements that were received and thrown away since the virtual router started, by reason.", "reason"),
	}
	m.registry.MustRegister(m.operations, m.failures, m.drift, m.passes, m.passTime, m.services, m.servers, m.healthy,
		m.problems, m.lateChecks, m.connected, m.complete, m.active, m.lateness, m.yields, m.rivals, m.strangers, m.sendErrors, m.discarded, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// serve answers what handler does in the background until ctx ends. An address that cannot be listened on is an error; an empty one serves
// nothing.
func (m *metrics) serve(ctx context.Context, address string, realServers http.Handler, log *slog.Logger) error {
	if address == "" {
		return nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s for metrics: %w; choose another address with --metrics-bind-address", address, err)
	}
	server := &http.Server{Handler: m.handler(realServers), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 14}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are no longer served; the agent goes on", "address", address, "error", err)
		}
	}()
	return nil
}

// handler answers /metrics, /realservers and /healthz.
func (m *metrics) handler(realServers http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	mux.Handle("GET /realservers", realServers)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	return mux
}
