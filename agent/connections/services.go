// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// Services say of which service a connection is: the table shows only addresses.
type Services struct {
	byKey map[ipvs.ServiceKey]service
	// marked are the services by firewall mark that have a real server, the smallest mark of those that share one.
	marked map[netip.AddrPort]ipvs.ServiceKey
}

type service struct {
	persistence uint32
	methods     map[netip.AddrPort]ipvs.Method
}

// NewServices are the services of a reading, but for those with a persistence engine: a template of theirs would arrive without what
// the engine knows.
func NewServices(readings []ipvs.Reading) Services {
	s := Services{byKey: make(map[ipvs.ServiceKey]service, len(readings)), marked: map[netip.AddrPort]ipvs.ServiceKey{}}
	for _, reading := range readings {
		if reading.Service.PersistenceEngine != "" {
			continue
		}
		key := reading.Service.Key
		methods := make(map[netip.AddrPort]ipvs.Method, len(reading.Destinations))
		for _, destination := range reading.Destinations {
			methods[destination.Key()] = destination.Method
			if before, shared := s.marked[destination.Key()]; key.Mark != 0 && (!shared || key.Mark < before.Mark) {
				s.marked[destination.Key()] = key
			}
		}
		s.byKey[key] = service{persistence: reading.Service.PersistenceTimeout, methods: methods}
	}
	return s
}

// Details are those of a connection; false: it is of no service and real server that was read. Of services by firewall mark that
// share a real server one is as good as another: the mark only leads the other director to the real server.
func (s Services) Details(c Connection) (Details, bool) {
	if mark := c.Mark(); mark != 0 {
		return s.details(c, ipvs.MarkKey(mark, ipvs.FamilyOf(c.Virtual.Addr())))
	}
	key := ipvs.ServiceKey{Address: c.Virtual.Addr(), Port: c.Virtual.Port(), Protocol: c.Protocol}
	if d, known := s.details(c, key); known {
		return d, true
	}
	key.Port = 0
	if d, known := s.details(c, key); known {
		return d, true
	}
	for _, server := range []netip.AddrPort{c.RealServer, netip.AddrPortFrom(c.RealServer.Addr(), 0)} {
		if key, known := s.marked[server]; known && key.Family() == ipvs.FamilyOf(c.Virtual.Addr()) {
			return s.details(c, key)
		}
	}
	return Details{}, false
}

// details are those of a connection if it is of that service.
func (s Services) details(c Connection, key ipvs.ServiceKey) (Details, bool) {
	service, known := s.byKey[key]
	if !known {
		return Details{}, false
	}
	method, known := service.methods[c.RealServer]
	if !known {
		method, known = service.methods[netip.AddrPortFrom(c.RealServer.Addr(), 0)]
	}
	if !known && c.RealServer.Port() == 0 {
		// A template for every port is of any real server at the address.
		for server, of := range service.methods {
			if server.Addr() == c.RealServer.Addr() {
				method, known = of, true
			}
		}
	}
	d := Details{Method: method, Mark: key.Mark}
	if c.Template {
		d.Persistence = service.persistence
	}
	return d, known
}
