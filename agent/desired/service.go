// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/serving"
)

// Service is one IPVS service with all its real servers, healthy or not. Once it is in a Store nobody may change it.
type Service struct {
	// ID is namespace/name/port.
	ID string `json:"id"`
	// Group is the name of the DirectorGroup.
	Group string `json:"group"`
	// Service is the service itself.
	Service ipvs.Service `json:"service"`
	// Destinations are the real servers, each with the weight that it has while it is healthy; sorted, each once.
	Destinations []ipvs.Destination `json:"destinations,omitempty"`
	// Check says how the real servers are checked; nil: they are not, and count as healthy.
	Check *Check `json:"check,omitempty"`
	// Policy says what follows from their health.
	Policy serving.Policy `json:"policy,omitzero"`
	// Drain is how long a real server that the service no longer has keeps its connections.
	Drain time.Duration `json:"drainNanoseconds,omitempty"`
	// Marks are the rules that give packets the firewall mark of the service, sorted; none unless it is by mark.
	Marks []mark.Rule `json:"marks,omitempty"`
	// FTP says that the service needs the application helper ip_vs_ftp.
	FTP bool `json:"ftp,omitempty"`
}

// Check is how the real servers of a service are checked.
type Check struct {
	Spec health.Spec `json:"spec"`
	// Via says that real servers that are not behind NAT are checked by way of the virtual IP.
	Via bool `json:"via,omitempty"`
	// Port that is checked, 1 to 65535; 0: the real server's, if the check is of a port.
	Port uint16 `json:"port,omitempty"`
}

// at is the port that is checked of a real server with a port of its own; 0: the check is of the whole real server.
func (c *Check) at(own uint16) uint16 {
	if _, whole := c.Spec.Check.(check.Ping); whole {
		return 0
	}
	return cmp.Or(c.Port, own)
}

// Equal says whether two services are the same.
func (s *Service) Equal(other *Service) bool {
	return s.ID == other.ID && s.Group == other.Group && s.Service == other.Service &&
		slices.Equal(s.Destinations, other.Destinations) && s.sameCheck(other) && s.Policy == other.Policy && s.Drain == other.Drain &&
		slices.EqualFunc(s.Marks, other.Marks, mark.Rule.Equal) && s.FTP == other.FTP
}

func (s *Service) sameCheck(other *Service) bool {
	if s.Check == nil || other.Check == nil {
		return s.Check == other.Check
	}
	return *s.Check == *other.Check
}

// ChecksAlike says whether two services check the same real servers in the same way.
func (s *Service) ChecksAlike(other *Service) bool {
	return s.sameCheck(other) && slices.EqualFunc(s.Destinations, other.Destinations, func(a, b ipvs.Destination) bool {
		return a.Key() == b.Key() && (!s.Check.goesVia() || a.Method == b.Method && a.Tunnel == b.Tunnel)
	})
}

func (c *Check) goesVia() bool { return c != nil && c.Via }

// Target is the check of one of the service's real servers; false: it is not checked.
func (s *Service) Target(d ipvs.Destination) (health.Target, bool) {
	if s.Check == nil {
		return health.Target{}, false
	}
	return health.Target{Address: netip.AddrPortFrom(d.Address, s.Check.at(d.Port)), Spec: s.Check.Spec}, true
}

// Wanted is the service as a decision wants it in the kernel.
func (s *Service) Wanted(d serving.Decision) *plan.Wanted {
	return &plan.Wanted{Entry: ipvs.Entry{Service: s.Service, Destinations: d.Destinations}, Down: d.Down, Drain: s.Drain}
}

// Everyone are the real servers, and the sorry server where there is one.
func (s *Service) Everyone() iter.Seq[ipvs.Destination] {
	return func(yield func(ipvs.Destination) bool) {
		for _, d := range s.Destinations {
			if !yield(d) {
				return
			}
		}
		if s.Policy.Sorry.Address.IsValid() {
			yield(s.Policy.Sorry)
		}
	}
}

// Forwards says whether one of them is behind LVS/NAT, so that the director has to pass its answers on.
func (s *Service) Forwards() bool {
	for d := range s.Everyone() {
		if d.Method == ipvs.Masquerade {
			return true
		}
	}
	return false
}

// concernsNode says whether the node needs more for the service than an entry in the IPVS table.
func (s *Service) concernsNode() bool {
	return s != nil && (len(s.Marks) > 0 || s.FTP || s.Forwards() || s.Check.goesVia())
}
