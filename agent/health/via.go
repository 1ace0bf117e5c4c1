// SPDX-License-Identifier: Apache-2.0

package health

import "net/netip"

// Via is the way of a check through IPVS: packets to the virtual IP that carry the mark, by which there is a service with the real server
// alone. The zero value: checks go to the real server's own address.
type Via struct {
	// Virtual is the virtual IP.
	Virtual netip.Addr
	// Mark is the firewall mark (SO_MARK), 1 to 4294967295.
	Mark uint32
}

// IsZero says that checks go to the real server's own address.
func (v Via) IsZero() bool { return v == Via{} }
