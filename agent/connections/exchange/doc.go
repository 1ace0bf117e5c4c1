// SPDX-License-Identifier: Apache-2.0

// Package exchange tells other directors of this kernel's IPVS connections, and asks them for theirs.
//
// The kernel's own master daemon sends a connection when packets of it come, up to 2 s late, and an idle one never again: a
// director that starts knows none of the idle ones, and one that takes a role over none of the youngest. So a director that
// starts asks the Active one for all, by a datagram of this package's own, and gets them as the kernel's sync messages, which its
// kernel takes as any others. And a director that hands a role over goes on telling of new connections for a moment.
//
// A question goes from director to director on their link: datagrams that a router forwarded are ignored (RFC 5082). Who is on the
// link can ask for a table to be sent, once a second at most, and can write the kernel's table anyway: the kernel's sync messages are
// not authenticated.
package exchange
