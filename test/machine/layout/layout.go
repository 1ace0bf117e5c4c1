// SPDX-License-Identifier: Apache-2.0

// Package layout holds what a virtual machine of the lab and its owner agree on: addresses on qemu's user network, and
// names of files. It does nothing.
package layout

// Addresses on qemu's user network, 10.0.2.0/24.
const (
	// GuestAddress is the machine's.
	GuestAddress = "10.0.2.15"
	// HostAddress stands for the owner: qemu forwards what is sent to it to the owner's loopback address.
	HostAddress = "10.0.2.2"
	// GuestPort is the TCP port of the machine's command server.
	GuestPort = 7070
)

// GuestShare is where the machine sees the share; hack/vm/init mounts it.
const GuestShare = "/run/lab/share"

// Names in the share.
const (
	// Guest is the program that hack/vm/init starts.
	Guest = "guest"
	// Token is the secret of the command server, 64 hexadecimal digits.
	Token = "token"
	// Ready appears, empty, when the command server listens.
	Ready = "ready"
)
