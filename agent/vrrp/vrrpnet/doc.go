// SPDX-License-Identifier: Apache-2.0

// Package vrrpnet runs agent/vrrp instances on Linux interfaces: raw(7) sockets of protocol 112 over IPv4 and IPv6, packet(7) for
// gratuitous ARP (RFC 826) and unsolicited neighbour advertisements (RFC 4861) and for advertisements from a virtual MAC address, rtnetlink(7)
// for an interface's fate; it never adds or removes an address.
//
// Each interface has a thread of its own, which runs all of the interface's virtual routers and does nothing else, so that a
// slow apply elsewhere delays no advertisement. On that thread they share sockets, wait in ppoll(2), and allocate nothing per
// packet or timer. Received packets are read before timers are looked at: a thread that was starved for a while finds the Active's
// advertisements in its socket, and not its death.
//
// The process needs CAP_NET_RAW.
package vrrpnet
