// SPDX-License-Identifier: Apache-2.0

package mark

// Our nftables table, of family inet, and the one chain in it, on the hook of the same name. No other table is ours.
const (
	Table = "lvs-operator"
	Chain = "prerouting"
)

// ChainPriority is the chain's: NF_IP_PRI_MANGLE of linux/netfilter_ipv4.h. The mark is there before the packet is routed.
const ChainPriority = -150

// RoutingTable is the number of our routing table, which holds nothing but the local default route (rt_tables of iproute2
// knows no table by that number).
const RoutingTable = 7676

// RulePriority is the priority of our policy routing rules: before the main table's 32766, after an administrator's own.
const RulePriority = 7676
