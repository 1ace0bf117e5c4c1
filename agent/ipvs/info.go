// SPDX-License-Identifier: Apache-2.0

package ipvs

import "fmt"

// Info is what the kernel says of IPVS as a whole (IPVS_CMD_GET_INFO).
type Info struct {
	// Version is IP_VS_VERSION_CODE: a byte each for major, minor and patch, 0x010201 for 1.2.1.
	Version uint32
	// ConnectionTableSize is the number of buckets of the connection table, a power of two (conn_tab_bits of ip_vs).
	ConnectionTableSize uint32
}

// String is the first line that ipvsadm -L prints.
func (i Info) String() string {
	return fmt.Sprintf("IP Virtual Server version %d.%d.%d (size=%d)",
		i.Version>>16&0xff, i.Version>>8&0xff, i.Version&0xff, i.ConnectionTableSize)
}
