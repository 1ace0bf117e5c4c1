// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"bytes"
	"math/bits"
	"net/netip"
)

func hostKeys(addresses []netip.Prefix) [][]byte {
	keys := make([][]byte, 0, len(addresses))
	for _, address := range addresses {
		keys = append(keys, address.Addr().AsSlice())
	}
	return keys
}

// hosts reads what hostKeys makes; nil where these are no addresses.
func hosts(keys [][]byte) []netip.Prefix {
	addresses := make([]netip.Prefix, 0, len(keys))
	for _, key := range keys {
		address, ok := netip.AddrFromSlice(key)
		if !ok {
			return nil
		}
		addresses = append(addresses, netip.PrefixFrom(address, address.BitLen()))
	}
	return addresses
}

func networkIntervals(networks []netip.Prefix) []interval {
	intervals := make([]interval, 0, len(networks))
	for _, network := range networks {
		intervals = append(intervals, interval{network.Addr().AsSlice(), lastOf(network)})
	}
	return intervals
}

// networks are the fewest that cover the intervals, in order; nil where these are no addresses.
func networks(intervals []interval) []netip.Prefix {
	var found []netip.Prefix
	for _, one := range intervals {
		for first := one.first; bytes.Compare(first, one.last) <= 0; {
			network, ok := largest(first, one.last)
			if !ok {
				return nil
			}
			found = append(found, network)
			if first, ok = step(lastOf(network), 1); !ok {
				break
			}
		}
	}
	return found
}

// largest is the largest network that begins with first and does not reach behind last.
func largest(first, last []byte) (netip.Prefix, bool) {
	address, ok := netip.AddrFromSlice(first)
	if !ok || len(first) != len(last) {
		return netip.Prefix{}, false
	}
	network := netip.PrefixFrom(address, address.BitLen())
	for network.Bits() > 0 {
		wider := netip.PrefixFrom(address, network.Bits()-1)
		if wider.Masked() != wider || bytes.Compare(lastOf(wider), last) > 0 {
			break
		}
		network = wider
	}
	return network, true
}

// lastOf is the last address of a network.
func lastOf(network netip.Prefix) []byte {
	last := network.Addr().AsSlice()
	for bit := network.Bits(); bit < len(last)*8; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	return last
}

// netmask has a bit for each that the addresses of a network have in common.
func netmask(network netip.Prefix) []byte {
	mask := make([]byte, network.Addr().BitLen()/8)
	for bit := range network.Bits() {
		mask[bit/8] |= 0x80 >> (bit % 8)
	}
	return mask
}

// length is how many bits of a netmask are set.
func length(mask []byte) int {
	ones := 0
	for _, each := range mask {
		ones += bits.OnesCount8(each)
	}
	return ones
}
