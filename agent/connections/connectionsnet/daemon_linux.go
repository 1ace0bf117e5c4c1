// SPDX-License-Identifier: Apache-2.0

package connectionsnet

import (
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// What the kernel fills in for a master daemon (start_sync_thread of ip_vs_sync.c): lengths are of an MTU of 1500 less the headers.
const (
	defaultPort    = 8848
	defaultTTL     = 1
	defaultLength4 = 1500 - 20 - 8
	defaultLength6 = 1500 - 40 - 8
)

var defaultGroup = netip.AddrFrom4([4]byte{224, 0, 0, 81})

// filledIn is the daemon with nothing left to the kernel.
func filledIn(d ipvs.Daemon) ipvs.Daemon {
	if !d.Group.IsValid() {
		d.Group = defaultGroup
	}
	if d.Port == 0 {
		d.Port = defaultPort
	}
	if d.TTL == 0 {
		d.TTL = defaultTTL
	}
	if d.MaxLength == 0 {
		d.MaxLength = defaultLength4
		if d.Group.Is6() {
			d.MaxLength = defaultLength6
		}
	}
	return d
}

// address is where the datagrams go.
func address(d ipvs.Daemon) netip.AddrPort { return netip.AddrPortFrom(d.Group, d.Port) }
