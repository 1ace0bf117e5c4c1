// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The file is a head and then commits, one behind the other. All numbers are big-endian, all checksums CRC-32C.
//
//	head    magic 8 | version 4 | sealed 8 | checksum of the 20 bytes before 4
//	commit  mark 4 | length of body 4 | synced 8 | checksum of body 4 | checksum of the 20 bytes before 4 | body
//	body    records: kind 1 | length of key 2 | length of value 4 | key | value
//
// sealed is how long the file was when it got its name: so much was on the disk. synced is how long the part of the file was
// that was known to be on the disk when the commit was written. Both tell damage, of which no crash is the cause, from a tail
// that a crash kept from the disk.
const (
	magic   = "\xffLVSjnl\n"
	version = 1
	// mark is no part of any UTF-8 text.
	mark = "\xffLVS"

	headSize   = 24
	commitSize = 24
	recordSize = 7
)

// Kinds of record.
const (
	kindPut    = 1
	kindDelete = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// record is one change: of a key to a value, or its deletion.
type record struct {
	key   string
	value []byte
	gone  bool
}

// size is how many bytes the record takes in a body.
func (r record) size() int64 { return recordSize + int64(len(r.key)) + int64(len(r.value)) }

func (r record) head() [recordSize]byte {
	var b [recordSize]byte
	b[0] = kindPut
	if r.gone {
		b[0] = kindDelete
	}
	binary.BigEndian.PutUint16(b[1:], uint16(len(r.key)))
	binary.BigEndian.PutUint32(b[3:], uint32(len(r.value)))
	return b
}

// place is where a value lies in the file.
type place struct {
	offset int64
	length uint32
	sum    uint32 // checksum of the value
}

func encodeHead(sealed int64) []byte {
	b := append(make([]byte, 0, headSize), magic...)
	b = binary.BigEndian.AppendUint32(b, version)
	b = binary.BigEndian.AppendUint64(b, uint64(sealed))
	return binary.BigEndian.AppendUint32(b, checksum(b))
}

func decodeHead(b []byte) (sealed int64, err error) {
	if len(b) < headSize || string(b[:8]) != magic {
		return 0, errors.New("not a journal")
	}
	if v := binary.BigEndian.Uint32(b[8:]); v != version {
		return 0, fmt.Errorf("format version %d: this agent reads version %d", v, version)
	}
	if binary.BigEndian.Uint32(b[20:]) != checksum(b[:20]) {
		return 0, errors.New("the head's checksum is wrong")
	}
	return int64(binary.BigEndian.Uint64(b[12:])), nil
}

// commitHead is what precedes the records of one commit.
type commitHead struct {
	length uint32 // of the body, in bytes
	synced int64
	sum    uint32 // checksum of the body
}

func (h commitHead) encode() []byte {
	b := append(make([]byte, 0, commitSize), mark...)
	b = binary.BigEndian.AppendUint32(b, h.length)
	b = binary.BigEndian.AppendUint64(b, uint64(h.synced))
	b = binary.BigEndian.AppendUint32(b, h.sum)
	return binary.BigEndian.AppendUint32(b, checksum(b))
}

func decodeCommit(b []byte) (h commitHead, ok bool) {
	if len(b) < commitSize || string(b[:4]) != mark || binary.BigEndian.Uint32(b[20:]) != checksum(b[:20]) {
		return commitHead{}, false
	}
	return commitHead{
		length: binary.BigEndian.Uint32(b[4:]),
		synced: int64(binary.BigEndian.Uint64(b[8:])),
		sum:    binary.BigEndian.Uint32(b[16:]),
	}, true
}

// lengthOf is how many bytes a commit of records takes.
func lengthOf(records []record) int64 {
	length := int64(commitSize)
	for _, r := range records {
		length += r.size()
	}
	return length
}

// encode writes a commit of records that begins at offset, and returns where their values will lie. The caller sees to it that
// the commit is not larger than maxSize.
func encode(w *bufio.Writer, offset, synced int64, records []record) ([]place, error) {
	h := commitHead{length: uint32(lengthOf(records) - commitSize), synced: synced}
	places := make([]place, len(records))
	offset += commitSize
	for i, r := range records {
		head := r.head()
		h.sum = crc32.Update(h.sum, castagnoli, head[:])
		h.sum = crc32.Update(h.sum, castagnoli, []byte(r.key))
		h.sum = crc32.Update(h.sum, castagnoli, r.value)
		places[i] = place{offset: offset + recordSize + int64(len(r.key)), length: uint32(len(r.value)), sum: checksum(r.value)}
		offset += r.size()
	}
	// A bufio.Writer that failed once fails on Flush: no error in between is lost.
	_, _ = w.Write(h.encode())
	for _, r := range records {
		head := r.head()
		_, _ = w.Write(head[:])
		_, _ = w.WriteString(r.key)
		_, _ = w.Write(r.value)
	}
	return places, w.Flush()
}
