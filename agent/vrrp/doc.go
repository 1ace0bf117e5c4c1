// SPDX-License-Identifier: Apache-2.0

// Package vrrp is the Virtual Router Redundancy Protocol as values: the packet codec of version 2 (RFC 3768, with the
// simple text password of RFC 2338) over IPv4 and of version 3 (RFC 9568) over IPv4 and IPv6, and the state machine Initialize,
// Backup, Active; it never opens a socket, reads a clock, logs or starts a goroutine.
//
// # Time and actions
//
// Every input of an [Instance] takes the time as an argument and returns [Actions], a value that says what the caller
// owes the network. [Instance.Deadline] says when [Instance.Tick] is wanted next. Nothing allocates in steady state.
//
// # Where it differs from RFC 9568, and why
//
//   - The checksum of version 3 over IPv4 is sent with the pseudo-header, as RFC 5798 says and keepalived expects, unless
//     [Config.PlainChecksum] says otherwise. It is accepted with and without, since RFC 9568 section 5.2.8 leaves the
//     pseudo-header out.
//   - There are unicast peers, as in keepalived, whose packets may have any time to live: only they are followed.
//   - There is a delay of preemption, as in keepalived.
//   - The answer to a losing advertisement (RFC 9568 section 6.4.3) is given in version 2 too, as keepalived gives it:
//     it ends a split brain one interval earlier. With it goes an Announce, at most once an interval.
//   - An advertisement from our own source address is discarded. With the rule above a reflected packet would otherwise
//     be answered by itself, for ever.
//   - The address owner listens too, which RFC 9568 section 7.1 forbids: of two owners, a mistake, one yields.
//   - [Instance.Start] may resume: see there.
//   - [Instance.Yield] offers the role without leaving, and [Instance.Claim] takes it without waiting, so that virtual routers can move
//     together ([Together]): see there why this looks to the others as the RFC has it.
//   - The physical MAC address is used, as keepalived does by default, unless [Config.VirtualMAC] says otherwise.
//
// docs/rfc.md goes through all requirements one by one.
package vrrp
