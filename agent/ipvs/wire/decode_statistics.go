// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"errors"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// DecodeServiceStatistics reads the statistics in the body of an answer to GetService or GetServices: the 64-bit ones, and
// where the kernel has none, before Linux 4.1, the 32-bit ones, whose counters begin again at 0 after 4294967295.
func DecodeServiceStatistics(body []byte) (ipvs.Statistics, error) {
	attributes, err := inside(body, attrService, "service")
	if err != nil {
		return ipvs.Statistics{}, err
	}
	return decodeStatistics(attributes, serviceStats64, serviceStats)
}

// DecodeDestinationStatistics reads those in the body of an answer to GetDests, as DecodeServiceStatistics does.
func DecodeDestinationStatistics(body []byte) (ipvs.Statistics, error) {
	attributes, err := inside(body, attrDest, "destination")
	if err != nil {
		return ipvs.Statistics{}, err
	}
	return decodeStatistics(attributes, destStats64, destStats)
}

// decodeStatistics reads the first of the kinds that is there.
func decodeStatistics(attributes []byte, kinds ...uint16) (ipvs.Statistics, error) {
	var statistics ipvs.Statistics
	for _, kind := range kinds {
		nested, err := inside(attributes, kind, "statistics")
		if err != nil {
			continue
		}
		err = walk(nested, func(kind uint16, v value) {
			if counter := counter(&statistics, kind); counter != nil {
				*counter = v.number()
			}
		})
		return statistics, err
	}
	return statistics, errNoStatistics
}

var errNoStatistics = errors.New("the answer holds no statistics")

// counter is where a statistics attribute stands; nil: nowhere.
func counter(s *ipvs.Statistics, kind uint16) *uint64 {
	switch kind {
	case statsConnections:
		return &s.Connections
	case statsInPackets:
		return &s.InPackets
	case statsOutPackets:
		return &s.OutPackets
	case statsInBytes:
		return &s.InBytes
	case statsOutBytes:
		return &s.OutBytes
	case statsConnectionRate:
		return &s.ConnectionRate
	case statsInPacketRate:
		return &s.InPacketRate
	case statsOutPacketRate:
		return &s.OutPacketRate
	case statsInByteRate:
		return &s.InByteRate
	case statsOutByteRate:
		return &s.OutByteRate
	default:
		return nil
	}
}
