// SPDX-License-Identifier: Apache-2.0

package wire

import "github.com/lvs-operator/lvs-operator/agent/ipvs"

// DecodeTimeouts reads the body of an answer to GetConfig. What the kernel does not balance is 0.
func DecodeTimeouts(body []byte) (ipvs.Timeouts, error) {
	var timeouts ipvs.Timeouts
	err := walk(body, func(kind uint16, v value) {
		switch kind {
		case attrTimeoutTCP:
			timeouts.TCP = v.uint32()
		case attrTimeoutTCPFin:
			timeouts.TCPFin = v.uint32()
		case attrTimeoutUDP:
			timeouts.UDP = v.uint32()
		}
	})
	return timeouts, err
}

// DecodeInfo reads the body of an answer to GetInfo.
func DecodeInfo(body []byte) (ipvs.Info, error) {
	var info ipvs.Info
	err := walk(body, func(kind uint16, v value) {
		switch kind {
		case infoVersion:
			info.Version = v.uint32()
		case infoTableSize:
			info.ConnectionTableSize = v.uint32()
		}
	})
	return info, err
}
