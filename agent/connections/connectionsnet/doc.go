// SPDX-License-Identifier: Apache-2.0

// Package connectionsnet reads the kernel's IPVS connection table (/proc/net/ip_vs_conn_sync) and sends connections to the sync
// daemons of other directors, by UDP multicast as the kernel's own master daemon does (net/netfilter/ipvs/ip_vs_sync.c). It
// receives nothing, decides nothing, and starts no goroutine.
package connectionsnet
