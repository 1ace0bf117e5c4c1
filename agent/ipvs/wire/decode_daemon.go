// SPDX-License-Identifier: Apache-2.0

package wire

import "github.com/lvs-operator/lvs-operator/agent/ipvs"

// DecodeDaemon reads the body of an answer to GetDaemons.
func DecodeDaemon(body []byte) (ipvs.Daemon, error) {
	attributes, err := inside(body, attrDaemon, "sync daemon")
	if err != nil {
		return ipvs.Daemon{}, err
	}
	var daemon ipvs.Daemon
	var group error
	err = walk(attributes, func(kind uint16, v value) {
		switch kind {
		case daemonState:
			daemon.State = ipvs.DaemonState(v.uint32())
		case daemonInterface:
			daemon.Interface = v.text()
		case daemonID:
			daemon.ID = v.uint32()
		case daemonMaxLength:
			daemon.MaxLength = v.uint16()
		case daemonGroup:
			daemon.Group, group = v.address(ipvs.IPv4)
		case daemonGroup6:
			daemon.Group, group = v.address(ipvs.IPv6)
		case daemonPort:
			daemon.Port = v.uint16()
		case daemonTTL:
			daemon.TTL = v.uint8()
		}
	})
	if err == nil {
		err = group
	}
	if err != nil {
		return ipvs.Daemon{}, err
	}
	return daemon, nil
}
