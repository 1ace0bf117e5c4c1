// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// electionMetrics are the manager's own; each has the prefix lvs_manager_. Those of a manager that does not lead are absent.
type electionMetrics struct {
	active     *prometheus.GaugeVec
	twoActives *prometheus.CounterVec
}

// ofElections are those that /metrics shows.
var ofElections = newElectionMetrics(metrics.Registry)

func newElectionMetrics(registry prometheus.Registerer) electionMetrics {
	labels := []string{"director_group", "virtual_router_id"}
	m := electionMetrics{
		active: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "lvs", Subsystem: "manager", Name: "active_directors",
			Help: "Directors that are Active for the virtual router, as their agents report it: 1 as it should be, 2 or more in a split brain, 0 if nobody serves.",
		}, labels),
		twoActives: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "lvs", Subsystem: "manager", Name: "two_actives_total",
			Help: "Split brains of the virtual router that began since the manager's start.",
		}, labels),
	}
	registry.MustRegister(m.active, m.twoActives)
	return m
}

// show shows who is Active for a group's virtual routers; before are those of the status until now.
func (m electionMetrics) show(group string, before, elections []v1alpha1.Election) {
	for _, gone := range before {
		if !slices.ContainsFunc(elections, func(e v1alpha1.Election) bool { return e.VirtualRouterID == gone.VirtualRouterID }) {
			m.active.DeleteLabelValues(group, label(gone.VirtualRouterID))
		}
	}
	for _, election := range elections {
		id := label(election.VirtualRouterID)
		m.active.WithLabelValues(group, id).Set(float64(countOf(election.Active)))
		m.twoActives.WithLabelValues(group, id) // shows 0 before the first one
	}
}

func label(id int32) string { return strconv.Itoa(int(id)) }

// split counts a split brain that begins.
func (m electionMetrics) split(group string, id int32) {
	m.twoActives.WithLabelValues(group, label(id)).Inc()
}

// forget is for a group that is gone.
func (m electionMetrics) forget(group string) {
	m.active.DeletePartialMatch(prometheus.Labels{"director_group": group})
	m.twoActives.DeletePartialMatch(prometheus.Labels{"director_group": group})
}

// countOf is the number of directors that an Election.active names.
func countOf(active string) int {
	if active == "" {
		return 0
	}
	return strings.Count(active, ",") + 1
}
