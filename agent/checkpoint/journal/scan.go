// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// readAhead is how much of a file is read at once.
const readAhead = 64 << 10

// damage is an error that says what is wrong with a file that could be read.
type damage struct{ error }

func damaged(format string, args ...any) error { return damage{fmt.Errorf(format, args...)} }

// contents is what a scan found.
type contents struct {
	index  index
	end    int64 // of the last good commit: what follows never got to the disk as a whole
	synced int64 // so much was on the disk when the last good commit was written
}

// scanner reads a file, in memory that grows with the number of records, not with their values.
type scanner struct {
	contents
	file   io.ReaderAt
	size   int64
	buffer []byte
	reader *bufio.Reader
}

// scan reads a file of a size. Its error is a damage, or says why the file could not be read.
func scan(file io.ReaderAt, size int64) (contents, error) {
	head, err := readAt(file, 0, min(headSize, size))
	if err != nil {
		return contents{}, err
	}
	sealed, err := decodeHead(head)
	if err != nil {
		return contents{}, damage{err}
	}
	if sealed < headSize || sealed > size {
		return contents{}, damaged("%d bytes are left of at least %d", size, sealed)
	}
	s := scanner{
		contents: contents{index: newIndex(), end: headSize, synced: sealed},
		file:     file, size: size, buffer: make([]byte, readAhead), reader: bufio.NewReaderSize(nil, readAhead),
	}
	for s.end < size {
		whole, err := s.commit()
		if err == nil && !whole {
			return s.contents, s.tail()
		}
		if err != nil {
			return contents{}, err
		}
	}
	return s.contents, nil
}

// commit takes in the commit that begins at end, if it is there as a whole.
func (s *scanner) commit() (whole bool, err error) {
	head, err := readAt(s.file, s.end, min(commitSize, s.size-s.end))
	if err != nil {
		return false, err
	}
	h, ok := decodeCommit(head)
	start := s.end + commitSize
	if !ok || int64(h.length) > s.size-start {
		return false, nil
	}
	body := io.NewSectionReader(s.file, start, int64(h.length))
	sum := crc32.New(castagnoli)
	if _, err := io.CopyBuffer(sum, body, s.buffer); err != nil {
		return false, err
	}
	if sum.Sum32() != h.sum {
		return false, nil
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	s.end, s.synced = start+int64(h.length), max(s.synced, h.synced)
	s.reader.Reset(body)
	return true, s.records(start)
}

// records takes in the records of one body, from offset up to end. The body's checksum is right, so an error means that
// something else wrote it.
func (s *scanner) records(offset int64) error {
	for offset < s.end {
		var head [recordSize]byte
		if _, err := io.ReadFull(s.reader, head[:]); err != nil {
			return unreadable(err, offset)
		}
		key := make([]byte, binary.BigEndian.Uint16(head[1:]))
		if _, err := io.ReadFull(s.reader, key); err != nil {
			return unreadable(err, offset)
		}
		length := binary.BigEndian.Uint32(head[3:])
		sum := crc32.New(castagnoli)
		if _, err := io.CopyBuffer(sum, io.LimitReader(s.reader, int64(length)), s.buffer); err != nil {
			return unreadable(err, offset)
		}
		next := offset + recordSize + int64(len(key)) + int64(length)
		switch {
		case next > s.end || len(key) > MaxKey || length > MaxValue:
			return damaged("no record at byte %d", offset)
		case head[0] == kindPut:
			s.index.put(string(key), place{offset: next - int64(length), length: length, sum: sum.Sum32()})
		case head[0] == kindDelete && length == 0:
			s.index.remove(string(key))
		default:
			return damaged("no record at byte %d", offset)
		}
		offset = next
	}
	return nil
}

// unreadable tells a body that ends within a record from a file that cannot be read.
func unreadable(err error, offset int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged("no record at byte %d", offset)
	}
	return err
}

// tail returns nil if what begins at end can be what a crash left: no good commit behind it says that it was on the disk.
func (s *scanner) tail() error {
	if s.end < s.synced {
		return damaged("damaged at byte %d", s.end)
	}
	for from := s.end + 1; from < s.size; from += readAhead {
		// The window is so much longer that a commit's head that begins in it ends in it.
		window, err := readAt(s.file, from, min(readAhead+commitSize-1, s.size-from))
		if err != nil {
			return err
		}
		for at := 0; ; at++ {
			next := bytes.Index(window[at:], []byte(mark))
			if next < 0 {
				break
			}
			at += next
			if h, ok := decodeCommit(window[at:]); ok && h.synced > s.end {
				return damaged("damaged at byte %d", s.end)
			}
		}
	}
	return nil
}

// readAt reads length bytes that the file has.
func readAt(file io.ReaderAt, offset, length int64) ([]byte, error) {
	b := make([]byte, length)
	if n, err := file.ReadAt(b, offset); int64(n) < length {
		return nil, fmt.Errorf("read %d bytes at byte %d: %w", length, offset, err)
	}
	return b, nil
}
