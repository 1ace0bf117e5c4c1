// SPDX-License-Identifier: Apache-2.0

// Package wire is the messages of the kernel's generic netlink family IPVS (linux/ip_vs.h, linux/genetlink.h,
// linux/netlink.h): every command is appended to a buffer as one whole message, and answers are read from bytes; it never
// sends or receives any.
//
// Nothing is allocated for a message, and no input makes a decoder panic or loop.
package wire
