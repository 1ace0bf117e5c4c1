// SPDX-License-Identifier: Apache-2.0

// Package journal keeps keyed values in one file that a crash cannot spoil: a commit is one append, so that one changed value
// costs its own size and not that of all, and is there afterwards as a whole or not at all. It never knows what a value means,
// and it keeps no value in memory once it is written.
package journal

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Limits of what a journal holds.
const (
	// MaxKey is the most bytes of a key.
	MaxKey = 1 << 10
	// MaxValue is the most bytes of a value.
	MaxValue = 64 << 20
	// maxSize bounds the file: ten times what 100,000 real servers take.
	maxSize = 512 << 20
)

// writeAhead is how large a commit may be to be one write.
const writeAhead = 64 << 10

// ErrCorrupt says that the file is damaged where no crash damages it, or is no journal of this version. It was moved aside, with
// .corrupt behind its name: the next Open begins a new one.
var ErrCorrupt = errors.New("corrupt journal")

// Journal is the values in one file. One agent uses it, from one goroutine at a time.
type Journal struct {
	disk disk
	path string
	file file
	// size is how far the file is good, and where the next commit goes.
	size int64
	// synced is how much of it is known to be on the disk.
	synced int64
	index  index
	// pending is what was put or deleted since the last commit, by key.
	pending map[string]record
	// broken says that the file cannot be appended to: only a new one mends it.
	broken bool
	// patience is how many bytes of garbage are borne before the next compaction.
	patience int64
	cut      int64
}

// Open opens the journal called name in a directory, and makes both where they are absent; it takes from others the right to
// read the directory. What a crash kept from being written as a whole is cut off. The error is ErrCorrupt if the file cannot be
// understood, and another if it cannot be read or written.
func Open(directory, name string) (*Journal, error) {
	err := os.MkdirAll(directory, 0o700)
	if err == nil {
		err = os.Chmod(directory, 0o700) //nolint:gosec // a directory needs the right to search it
	}
	if err != nil {
		return nil, fmt.Errorf("open journal directory %s: %w", directory, err)
	}
	return open(host{}, filepath.Join(directory, name))
}

func open(d disk, path string) (*Journal, error) {
	j := &Journal{disk: d, path: path, index: newIndex(), pending: map[string]record{}, patience: floor}
	f, err := d.open(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = j.compact()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make journal %s: %w", path, err), j.Close())
		}
		return j, nil
	}
	if err == nil {
		j.file = f
		err = j.load()
	}
	var wrong damage
	switch {
	case errors.As(err, &wrong):
		aside := path + ".corrupt"
		return nil, errors.Join(
			fmt.Errorf("%w %s, moved to %s: %w", ErrCorrupt, path, aside, wrong.error),
			j.Close(), d.rename(path, aside),
		)
	case err != nil:
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", path, err), j.Close())
	}
	return j, nil
}

// load reads the file and cuts off what is not good.
func (j *Journal) load() error {
	size, err := j.file.Size()
	if err != nil {
		return err
	}
	if size > maxSize {
		return fmt.Errorf("larger than %d bytes; remove it", maxSize)
	}
	found, err := scan(j.file, size)
	if err != nil {
		return err
	}
	j.index, j.size, j.synced, j.cut = found.index, found.end, found.synced, size-found.end
	if j.cut == 0 {
		return nil
	}
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	return j.file.Sync()
}

// Cut returns how many bytes Open cut off: those of commits that a crash interrupted.
func (j *Journal) Cut() int64 { return j.cut }

// Len returns how many keys are committed.
func (j *Journal) Len() int { return len(j.index.places) }

// Records calls take with every committed key and value, in the order of the keys, until it returns an error, and returns that
// error. The value is valid until take returns.
func (j *Journal) Records(take func(key string, value []byte) error) error {
	var value []byte
	for _, key := range slices.Sorted(maps.Keys(j.index.places)) {
		var err error
		if value, err = j.read(value, key); err != nil {
			return fmt.Errorf("read journal %s: %w", j.path, err)
		}
		if err := take(key, value); err != nil {
			return err
		}
	}
	return nil
}

// read returns the committed value of a key, in buffer if there is room.
func (j *Journal) read(buffer []byte, key string) ([]byte, error) {
	p := j.index.places[key]
	value := slices.Grow(buffer[:0], int(p.length))[:p.length]
	if n, err := j.file.ReadAt(value, p.offset); n < len(value) {
		return nil, fmt.Errorf("%s at byte %d: %w", key, p.offset, err)
	}
	if checksum(value) != p.sum {
		return nil, fmt.Errorf("%s at byte %d was changed on the disk: remove the file and restart the agent", key, p.offset)
	}
	return value, nil
}

// Put sets the value of a key with the next commit. The value is not copied: it must stay as it is until a Commit returns nil.
// A key of more than MaxKey or a value of more than MaxValue bytes is refused.
func (j *Journal) Put(key string, value []byte) error {
	if len(key) > MaxKey || len(value) > MaxValue {
		return fmt.Errorf("put %.64q into journal %s: a key of %d and a value of %d bytes; at most %d and %d can be kept",
			key, j.path, len(key), len(value), MaxKey, MaxValue)
	}
	j.pending[key] = record{key: key, value: value}
	return nil
}

// Delete removes a key with the next commit. An absent one is no error.
func (j *Journal) Delete(key string) {
	if _, committed := j.index.places[key]; !committed {
		delete(j.pending, key)
		return
	}
	j.pending[key] = record{key: key, gone: true}
}

// Commit writes what was put and deleted since the last one, all of it or nothing. With sync it returns when this and all
// earlier commits are on the disk; without, a crash of the host may take the newest commits along, and never one without those
// after it. Now and then it writes the whole file anew, and then takes as long as all values need.
//
// After an error nothing that was put is lost: the next Commit tries it again, on a new file if need be.
func (j *Journal) Commit(sync bool) error {
	if j.file == nil {
		return fmt.Errorf("write journal %s: %w", j.path, fs.ErrClosed)
	}
	records := slices.SortedFunc(maps.Values(j.pending), func(a, b record) int { return cmp.Compare(a.key, b.key) })
	if j.broken || j.size+lengthOf(records) > maxSize {
		return j.renew()
	}
	if err := j.append(records, sync); err != nil {
		return fmt.Errorf("write journal %s: %w; free space on its file system, or replace the disk", j.path, err)
	}
	if garbage := j.size - headSize - j.index.live; garbage > max(j.index.live, j.patience) {
		// If that fails, wait for as much garbage again before the next attempt. Nothing is lost.
		j.patience = 2 * garbage
		return j.renew()
	}
	return nil
}

func (j *Journal) renew() error {
	if err := j.compact(); err != nil {
		return fmt.Errorf("compact journal %s: %w; free space on its file system, or replace the disk", j.path, err)
	}
	return nil
}

// append writes records behind what is good.
func (j *Journal) append(records []record, sync bool) error {
	end := j.size
	var places []place
	if len(records) > 0 {
		var err error
		end += lengthOf(records)
		places, err = encode(bufio.NewWriterSize(io.NewOffsetWriter(j.file, j.size), writeAhead), j.size, j.synced, records)
		if err != nil {
			// What was written of it must not stay before the next commit.
			j.broken = j.file.Truncate(j.size) != nil
			return err
		}
	}
	if sync && j.synced < end {
		if err := j.file.Sync(); err != nil {
			// The kernel forgets what it could not write: only a new file is sure.
			j.broken = true
			return err
		}
		j.synced = end
	}
	j.size = end
	for i, r := range records {
		if r.gone {
			j.index.remove(r.key)
		} else {
			j.index.put(r.key, places[i])
		}
	}
	j.pending = map[string]record{}
	return nil
}

// Close closes the file. What was not committed is lost. Closing twice is no error.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	if err != nil {
		return fmt.Errorf("close journal %s: %w", j.path, err)
	}
	return nil
}
