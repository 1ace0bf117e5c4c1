// SPDX-License-Identifier: Apache-2.0

// Package connections reads lines of the kernel's IPVS connection table (/proc/net/ip_vs_conn_sync) and writes what they say as
// datagrams of the kernel's connection sync protocol, version 1 (net/netfilter/ipvs/ip_vs_sync.c). It opens no file and sends
// nothing.
package connections
