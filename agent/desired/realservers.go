// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"fmt"
	"math"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// realServers converts the real servers of a set. An invalid one is a problem of its own; an invalid health check is the
// service's.
func (b *builder) realServers(group, id string, from set, port uint16, method ipvs.Method) ([]RealServer, error) {
	var realServers []RealServer
	for _, slice := range from.slices {
		check, checked, err := parseCheck(slice.Spec.HealthCheck)
		if err != nil {
			return nil, fmt.Errorf("RealServerSlice %s: %w", slice.Name, err)
		}
		for _, compiled := range slice.Spec.RealServers {
			destination, err := parseRealServer(compiled, port, method)
			if err != nil {
				b.problem(v1alpha1.ProblemInvalid, group, id, fmt.Sprintf("real server %s: %v", compiled.Address, err))
				continue
			}
			realServer := RealServer{Destination: destination, Checked: checked}
			if checked {
				realServer.Check = health.Target{Address: destination.Key(), Spec: check}
			}
			realServers = append(realServers, realServer)
		}
	}
	// A real server on its way from one slice to another may be in both for a moment: the slices' names decide.
	compare := func(a, c RealServer) int { return a.Destination.Compare(c.Destination) }
	slices.SortStableFunc(realServers, compare)
	return slices.CompactFunc(realServers, func(a, c RealServer) bool { return compare(a, c) == 0 }), nil
}

func parseRealServer(compiled v1alpha1.CompiledRealServer, port uint16, method ipvs.Method) (ipvs.Destination, error) {
	address, err := parseAddress(compiled.Address)
	if err != nil {
		return ipvs.Destination{}, err
	}
	if compiled.Port != 0 {
		if port, err = parsePort(compiled.Port); err != nil {
			return ipvs.Destination{}, err
		}
	}
	if compiled.Weight < 0 || compiled.Weight > math.MaxUint16 {
		return ipvs.Destination{}, fmt.Errorf("weight %d: want 0 to 65535", compiled.Weight)
	}
	return ipvs.Destination{Address: address, Port: port, Weight: uint32(compiled.Weight), Method: method}, nil
}

// parseCheck converts a health check; false: real servers are not checked.
func parseCheck(compiled *v1alpha1.CompiledHealthCheck) (health.Spec, bool, error) {
	if compiled == nil {
		return health.Spec{}, false, nil
	}
	spec := health.Spec{
		Interval:   compiled.Interval.Duration,
		Timeout:    compiled.Timeout.Duration,
		RetryDelay: compiled.RetryDelay.Duration,
		Retries:    int(compiled.Retries),
	}
	if compiled.TCP != nil {
		spec.Kind = health.TCP
	}
	return spec, true, spec.Validate()
}
