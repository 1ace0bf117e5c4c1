// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// forwarding is how packets reach a real server.
type forwarding struct {
	method ipvs.Method
	tunnel *v1alpha1.CompiledTunnel
}

// destinations converts the real servers of slices, sorted. One that cannot be used is left out and named in refused.
func destinations(key ipvs.ServiceKey, general forwarding, from []*v1alpha1.RealServerSlice) (list []ipvs.Destination, refused []string) {
	total := 0
	for _, slice := range from {
		total += len(slice.Spec.RealServers)
	}
	list = make([]ipvs.Destination, 0, total)
	for _, slice := range from {
		for i := range slice.Spec.RealServers {
			compiled := &slice.Spec.RealServers[i]
			destination, err := parseRealServer(key, general, compiled)
			if err != nil {
				refused = append(refused, fmt.Sprintf("real server %s: %v", compiled.Address, err))
				continue
			}
			list = append(list, destination)
		}
	}
	// A real server on its way from one slice to another may be in both for a moment: the slices' names decide.
	slices.SortStableFunc(list, ipvs.Destination.Compare)
	return slices.CompactFunc(list, func(a, b ipvs.Destination) bool { return a.Key() == b.Key() }), refused
}

func parseRealServer(key ipvs.ServiceKey, how forwarding, compiled *v1alpha1.CompiledRealServer) (ipvs.Destination, error) {
	address, err := parseAddress(compiled.Address)
	if err != nil {
		return ipvs.Destination{}, err
	}
	if compiled.ForwardingMethod != "" {
		if how.method, err = parseMethod(compiled.ForwardingMethod); err != nil {
			return ipvs.Destination{}, err
		}
	}
	if compiled.Tunnel != nil {
		how.tunnel = compiled.Tunnel
	}
	if ipvs.FamilyOf(address) != key.Family() && how.method != ipvs.Tunnelling {
		return ipvs.Destination{}, fmt.Errorf("the service is %s: only Tunnel reaches another address family", key.Family())
	}
	port, portErr := parsePort(compiled.Port, 0)
	if compiled.Weight < 0 || compiled.Weight > math.MaxUint16 {
		err = fmt.Errorf("weight %d: want 0 to 65535", compiled.Weight)
	}
	if compiled.LowerThreshold < 0 || compiled.UpperThreshold < 0 || compiled.LowerThreshold > compiled.UpperThreshold {
		err = fmt.Errorf("thresholds %d and %d: want 0 or more, and the lower at most the upper", compiled.LowerThreshold, compiled.UpperThreshold)
	}
	if err := cmp.Or(portErr, err); err != nil {
		return ipvs.Destination{}, err
	}
	destination := ipvs.Destination{
		Address: address, Port: cmp.Or(port, key.Port), Method: how.method, Weight: uint32(compiled.Weight),
		UpperThreshold: uint32(compiled.UpperThreshold), LowerThreshold: uint32(compiled.LowerThreshold),
	}
	if how.method == ipvs.Tunnelling {
		destination.Tunnel, err = parseTunnel(how.tunnel)
	}
	return destination, err
}

func parseMethod(method v1alpha1.ForwardingMethod) (ipvs.Method, error) {
	switch method {
	case v1alpha1.DirectRouting:
		return ipvs.DirectRoute, nil
	case v1alpha1.Tunnel:
		return ipvs.Tunnelling, nil
	case v1alpha1.NAT:
		return ipvs.Masquerade, nil
	default:
		return 0, fmt.Errorf("forwarding method %q: want DirectRouting, Tunnel or NAT", method)
	}
}

// parseTunnel converts how packets are wrapped; nil: IP in IP.
func parseTunnel(compiled *v1alpha1.CompiledTunnel) (ipvs.Tunnel, error) {
	if compiled == nil {
		return ipvs.Tunnel{}, nil
	}
	var tunnel ipvs.Tunnel
	switch compiled.Type {
	case v1alpha1.TunnelIPIP, "":
		return tunnel, nil
	case v1alpha1.TunnelGUE:
		tunnel.Type = ipvs.GUE
		port, err := parsePort(compiled.Port, 1)
		if err != nil {
			return ipvs.Tunnel{}, fmt.Errorf("GUE tunnel: %w", err)
		}
		tunnel.Port = port
	case v1alpha1.TunnelGRE:
		tunnel.Type = ipvs.GRE
	default:
		return ipvs.Tunnel{}, fmt.Errorf("tunnel type %q: want IPIP, GUE or GRE", compiled.Type)
	}
	switch compiled.Checksum {
	case v1alpha1.ChecksumOuter:
		tunnel.Flags = ipvs.TunnelChecksum
	case v1alpha1.ChecksumRemote:
		tunnel.Flags = ipvs.TunnelRemoteChecksum
	}
	return tunnel, nil
}
