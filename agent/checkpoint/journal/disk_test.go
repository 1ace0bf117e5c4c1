// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"syscall"
)

var errBroken = errors.New("input/output error")

// memory is a disk whose writes are remembered until they are synced, so that a crash can lose them, and that fails as told.
type memory struct {
	files map[string]*memoryFile
	// room is how many more bytes may be written; below 0: no bound.
	room                                          int
	failSync, failTruncate, failRename, failNames error
	writes, syncs                                 int
}

func newMemory() *memory { return &memory{files: map[string]*memoryFile{}, room: -1} }

type memoryFile struct {
	disk    *memory
	data    []byte // as a reader sees it
	durable []byte // as it is on the disk
	unsure  []write
}

// write is a part of a file that may or may not be on the disk.
type write struct{ from, to int }

func (m *memory) open(path string) (file, error) {
	f := m.files[path]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return f, nil
}

func (m *memory) create(path string) (file, error) {
	f := &memoryFile{disk: m}
	m.files[path] = f
	return f, nil
}

func (m *memory) rename(from, to string) error {
	if m.failRename != nil {
		return m.failRename
	}
	m.files[to] = m.files[from]
	delete(m.files, from)
	return nil
}

func (m *memory) sync(string) error { return m.failNames }

func (f *memoryFile) ReadAt(b []byte, offset int64) (int, error) {
	if offset >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.data[offset:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memoryFile) WriteAt(b []byte, offset int64) (int, error) {
	f.disk.writes++
	n := len(b)
	if f.disk.room >= 0 {
		n = min(n, f.disk.room)
		f.disk.room -= n
	}
	end := int(offset) + n
	f.data = slices.Concat(f.data, make([]byte, max(0, end-len(f.data))))
	copy(f.data[offset:], b[:n])
	f.unsure = append(f.unsure, write{int(offset), end})
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (f *memoryFile) Size() (int64, error) { return int64(len(f.data)), nil }

func (f *memoryFile) Truncate(size int64) error {
	if f.disk.failTruncate != nil {
		return f.disk.failTruncate
	}
	if f.disk.room >= 0 {
		f.disk.room += len(f.data) - int(size)
	}
	f.data = slices.Clone(f.data[:size])
	f.durable = f.durable[:min(len(f.durable), len(f.data))]
	return nil
}

func (f *memoryFile) Sync() error {
	f.disk.syncs++
	if f.disk.failSync != nil {
		return f.disk.failSync
	}
	f.durable, f.unsure = slices.Clone(f.data), nil
	return nil
}

func (f *memoryFile) Close() error { return nil }

// crash returns what is on the disk after a power cut: what was synced, and of each later write nothing, zeroes, a part or all,
// as chance says, in a file that is as long as the last that is there.
func (f *memoryFile) crash(chance func(n int) int) []byte {
	left := slices.Clone(f.durable)
	for _, w := range f.unsure {
		w.to = min(w.to, len(f.data))
		if w.from >= w.to {
			continue
		}
		part := f.data[w.from:w.to]
		switch chance(4) {
		case 0:
			continue
		case 1:
			part = make([]byte, len(part))
		case 2:
			part = part[:chance(len(part))]
		}
		left = slices.Concat(left, make([]byte, max(0, w.from+len(part)-len(left))))
		copy(left[w.from:], part)
	}
	return left
}
