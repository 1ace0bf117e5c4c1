// SPDX-License-Identifier: Apache-2.0

package ipvs

// Connections are those of one destination at one moment, as the kernel counts them.
type Connections struct {
	// Active are established (IPVS_DEST_ATTR_ACTIVE_CONNS). UDP connections never are.
	Active uint32
	// Inactive are in any other state, those that are ending above all (IPVS_DEST_ATTR_INACT_CONNS).
	Inactive uint32
	// Persistent are the templates that bind clients to the destination (IPVS_DEST_ATTR_PERSIST_CONNS).
	Persistent uint32
}

// Reading is one service as a kernel had it when it was read.
type Reading struct {
	// Entry has its destinations sorted.
	Entry
	// Connections are those of the destination with the same index.
	Connections []Connections
}
