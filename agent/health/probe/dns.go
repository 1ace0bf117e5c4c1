// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"github.com/miekg/dns"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/health/dnsquery"
)

// ask sends a query with an id of its own.
func (p *Prober) ask(place int, t health.Target, c check.DNS) {
	query, err := dnsquery.New(c, dns.Id())
	switch {
	case err != nil:
		p.finish(place, inconclusive("ask", err))
	case c.Protocol == check.OverTCP:
		p.begin(place, t, query.Stream())
	default:
		p.post(place, t, query)
	}
}
