// SPDX-License-Identifier: Apache-2.0

// Package mark says which packets get a firewall mark (SO_MARK of socket(7)) on a director, as plain comparable values: the
// rules of an nftables table of our own, and the numbers of the policy route that goes with them. It never talks to a kernel.
package mark
