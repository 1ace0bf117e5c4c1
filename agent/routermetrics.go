// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// measure shows how the routers are.
func (rs *routers) measure(m *metrics) {
	rs.measureStrangers(m)
	for _, vec := range []*prometheus.GaugeVec{m.active, m.lateness, m.yields, m.rivals, m.sendErrors, m.discarded} {
		vec.Reset()
	}
	for _, r := range rs.sorted() {
		labels := []string{r.key.group, r.key.interfaceName, strconv.Itoa(int(r.key.id))}
		active := 0.0
		if r.state == vrrp.Active {
			active = 1
		}
		m.active.WithLabelValues(labels...).Set(active)
		if r.running == nil {
			continue
		}
		stats := r.running.Stats()
		m.lateness.WithLabelValues(labels...).Set(stats.MaxLateness.Seconds())
		m.yields.WithLabelValues(labels...).Set(float64(stats.Yields))
		m.rivals.WithLabelValues(labels...).Set(float64(stats.Rivals))
		m.sendErrors.WithLabelValues(labels...).Set(float64(stats.SendErrors))
		for reason := vrrp.Discard(1); reason < vrrp.DiscardLimit; reason++ {
			if n := stats.Discarded[reason]; n > 0 {
				m.discarded.WithLabelValues(append(labels, reason.String())...).Set(float64(n))
			}
		}
	}
}

// measureStrangers shows which router ids others use on the links of our routers: an id for a new group must be none of them.
func (rs *routers) measureStrangers(m *metrics) {
	m.strangers.Reset()
	if rs.strangers == nil {
		return
	}
	measured := map[string]bool{}
	for key := range rs.byKey {
		if measured[key.interfaceName] {
			continue
		}
		measured[key.interfaceName] = true
		for _, s := range rs.strangers(key.interfaceName) {
			family := "IPv4"
			if s.IPv6 {
				family = "IPv6"
			}
			m.strangers.WithLabelValues(key.interfaceName, strconv.Itoa(int(s.VRID)), family, s.Source.String()).Set(1)
		}
	}
}
