// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// element is one of a set. In a set of intervals it is where an interval begins, or the first value behind its end; one
// that reaches to the last value has no end.
type element struct {
	// key is a value of the set's type, in network byte order, and data that of a map; empty in a set that is none. Data is written,
	// not read back.
	key, data string
	// flags are NFT_SET_ELEM_INTERVAL_END or 0 in our sets.
	flags uint32
	// timeout is after how long the kernel takes the element out of the set; 0: never. It is written, not read back.
	timeout time.Duration
	// foreign says that the element has what ours never have, such as a time-out.
	foreign bool
}

// interval is from a value to another, both included.
type interval struct{ first, last []byte }

// intervalElements are the elements of sorted intervals of which none overlaps another.
func intervalElements(intervals []interval) []element {
	var elements []element
	for _, next := range intervals {
		if n := len(elements); n > 0 && elements[n-1].key == string(next.first) {
			// It begins where the one before ends: they are one to the kernel.
			elements = elements[:n-1]
		} else {
			elements = append(elements, element{key: string(next.first)})
		}
		if after, ok := step(next.last, 1); ok {
			elements = append(elements, element{key: string(after), flags: unix.NFT_SET_ELEM_INTERVAL_END})
		}
	}
	return elements
}

// intervals are those of sorted elements; of elements that intervalElements does not make, something.
func intervals(elements []element) []interval {
	var found []interval
	for i, begin := range elements {
		if begin.flags != 0 {
			continue
		}
		last := bytes.Repeat([]byte{0xff}, len(begin.key))
		if i+1 < len(elements) {
			last, _ = step([]byte(elements[i+1].key), -1)
		}
		found = append(found, interval{[]byte(begin.key), last})
	}
	return found
}

// step adds 1 or -1 to a number in network byte order; false: there is none.
func step(number []byte, by int) ([]byte, bool) {
	next := slices.Clone(number)
	for i := len(next) - 1; i >= 0; i-- {
		next[i] += byte(by)
		if carried := by > 0 && next[i] == 0 || by < 0 && next[i] == 0xff; !carried {
			return next, true
		}
	}
	return next, false
}

// setAttributes makes an anonymous set, which lives and dies with the rule that looks up in it. The kernel wants an id, too,
// which is for the transaction only.
func setAttributes(name []byte, id int, of datatype, elements []element) []*nl.RtAttr {
	flags := uint32(unix.NFT_SET_ANONYMOUS | unix.NFT_SET_CONSTANT)
	if hasIntervals(elements) {
		flags |= unix.NFT_SET_INTERVAL
	}
	return []*nl.RtAttr{
		nl.NewRtAttr(unix.NFTA_SET_NAME, name),
		nl.NewRtAttr(unix.NFTA_SET_ID, network32(uint32(id))),
		nl.NewRtAttr(unix.NFTA_SET_FLAGS, network32(flags)),
		nl.NewRtAttr(unix.NFTA_SET_KEY_TYPE, network32(of.number)),
		nl.NewRtAttr(unix.NFTA_SET_KEY_LEN, network32(of.length)),
	}
}

// elementAttributes are the elements of a set.
func elementAttributes(name []byte, elements []element) []*nl.RtAttr {
	var values []byte
	for _, e := range elements {
		values = appendElement(values, e)
	}
	return []*nl.RtAttr{
		nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_SET, name),
		nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_ELEMENTS|unix.NLA_F_NESTED, values),
	}
}

// appendElement appends one of a list of elements. Thousands are on the way of a hand-over: they go straight into the message.
func appendElement(list []byte, e element) []byte {
	whole := len(list)
	list = beginAttribute(list, unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED)
	key := len(list)
	list = beginAttribute(list, unix.NFTA_SET_ELEM_KEY|unix.NLA_F_NESTED)
	data := len(list)
	list = append(beginAttribute(list, unix.NFTA_DATA_VALUE), e.key...)
	list = endAttribute(endAttribute(list, data), key)
	if e.data != "" {
		of := len(list)
		list = beginAttribute(list, unix.NFTA_SET_ELEM_DATA|unix.NLA_F_NESTED)
		value := len(list)
		list = append(beginAttribute(list, unix.NFTA_DATA_VALUE), e.data...)
		list = endAttribute(endAttribute(list, value), of)
	}
	if e.flags != 0 {
		list = binary.BigEndian.AppendUint32(beginAttribute(list, unix.NFTA_SET_ELEM_FLAGS), e.flags)
		list = endAttribute(list, len(list)-unix.SizeofNlAttr-4)
	}
	if e.timeout != 0 {
		list = binary.BigEndian.AppendUint64(beginAttribute(list, unix.NFTA_SET_ELEM_TIMEOUT), uint64(e.timeout.Milliseconds()))
		list = endAttribute(list, len(list)-unix.SizeofNlAttr-8)
	}
	return endAttribute(list, whole)
}

// beginAttribute appends the header of an attribute (struct nlattr), whose length endAttribute fills in.
func beginAttribute(b []byte, kind uint16) []byte {
	return binary.NativeEndian.AppendUint16(append(b, 0, 0), kind)
}

// endAttribute ends the attribute that begins at start, and pads it to 4 bytes.
func endAttribute(b []byte, start int) []byte {
	binary.NativeEndian.PutUint16(b[start:], uint16(len(b)-start))
	for (len(b)-start)%unix.NLA_ALIGNTO != 0 {
		b = append(b, 0)
	}
	return b
}

// hasIntervals says whether the set is one of intervals. One that reaches to the last value has no end: it stands alone,
// where we write no set of single values.
func hasIntervals(elements []element) bool {
	return len(elements) == 1 || slices.ContainsFunc(elements, func(e element) bool { return e.flags != 0 })
}

// decodeElements reads the answers about the elements of one set, and sorts them.
func decodeElements(answers [][]byte) ([]element, error) {
	var elements []element
	for _, answer := range answers {
		a, err := decodeAttributes(answer)
		if err != nil {
			return nil, err
		}
		listed, err := list(a[unix.NFTA_SET_ELEM_LIST_ELEMENTS])
		if err != nil {
			return nil, err
		}
		for _, one := range listed {
			e, err := decodeAttributes(one)
			if err != nil {
				return nil, fmt.Errorf("element of a set: %w", err)
			}
			elements = append(elements, element{
				key: string(value(e[unix.NFTA_SET_ELEM_KEY])), flags: e.network32(unix.NFTA_SET_ELEM_FLAGS), foreign: isForeign(e),
			})
		}
	}
	slices.SortFunc(elements, func(a, b element) int { return strings.Compare(a.key, b.key) })
	return elements, nil
}

// isForeign says whether an element has attributes that ours never have.
func isForeign(a attributes) bool {
	for kind := range a {
		switch kind {
		case unix.NFTA_SET_ELEM_KEY, unix.NFTA_SET_ELEM_FLAGS, unix.NFTA_SET_ELEM_PAD:
		default:
			return true
		}
	}
	return false
}
