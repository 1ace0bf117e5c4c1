// SPDX-License-Identifier: Apache-2.0

package ipvs

// Statistics are the counters and rates of one service or destination since it was added or zeroed
// (IPVS_STATS_ATTR_* of linux/ip_vs.h). The kernel brings them up to date every 2 s (net.ipv4.vs.run_estimation).
type Statistics struct {
	// Connections that were scheduled.
	Connections uint64
	// InPackets and InBytes came from clients.
	InPackets, InBytes uint64
	// OutPackets and OutBytes went back to clients through this director: only Masquerade brings them here.
	OutPackets, OutBytes uint64
	// ConnectionRate to OutByteRate are the same by second, averaged over some seconds.
	ConnectionRate             uint64
	InPacketRate, InByteRate   uint64
	OutPacketRate, OutByteRate uint64
}
