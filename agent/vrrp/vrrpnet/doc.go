// SPDX-License-Identifier: Apache-2.0

// Package vrrpnet runs one agent/vrrp instance on one Linux interface: raw(7) socket of protocol 112, packet(7) socket
// for gratuitous ARP (RFC 826), rtnetlink(7) for the interface's fate; it never adds or removes an address.
//
// A [Runner] has a thread of its own that does nothing else, so that a slow apply elsewhere delays no advertisement. On
// that thread it waits in ppoll(2) and allocates nothing per packet or timer. Received packets are read before the timer
// is looked at: a thread that was starved for a while finds the Active's advertisements in its socket, and not its death.
//
// The process needs CAP_NET_RAW.
package vrrpnet
