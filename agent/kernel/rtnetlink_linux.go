// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// attributes are the values of netlink attributes by type.
type attributes map[uint16][]byte

// decodeAttributes reads a list of attributes, each a header of length and type, the value, and padding to 4 bytes
// (linux/netlink.h). Of two with one type the later wins.
func decodeAttributes(message []byte) (attributes, error) {
	a := attributes{}
	for len(message) >= unix.SizeofNlAttr {
		length := int(nl.NativeEndian().Uint16(message))
		kind := nl.NativeEndian().Uint16(message[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
		if length < unix.SizeofNlAttr || length > len(message) {
			return nil, fmt.Errorf("netlink attribute %d has length %d, with %d bytes left", kind, length, len(message))
		}
		a[kind] = message[unix.SizeofNlAttr:length]
		padded := (length + unix.NLA_ALIGNTO - 1) &^ (unix.NLA_ALIGNTO - 1)
		message = message[min(padded, len(message)):]
	}
	return a, nil
}
