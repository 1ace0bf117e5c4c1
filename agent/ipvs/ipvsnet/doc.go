// SPDX-License-Identifier: Apache-2.0

// Package ipvsnet asks and changes the kernel's IPVS table over one netlink socket (generic netlink, netlink(7)): many
// changes in one send, each with its own answer. It decides nothing, never runs a program, and starts no goroutine.
package ipvsnet
