// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
)

const (
	// floor is how many bytes of garbage are not worth a compaction.
	floor = 4 << 20
	// batch is how many bytes of values a compaction holds in memory, and one more value.
	batch = 1 << 20
)

// compact puts a new file in the place of the old one, which it does not change, with what is committed and what is pending:
// write, fsync, rename, fsync of the directory.
func (j *Journal) compact() error {
	fresh, err := j.disk.create(j.path + ".new")
	if err != nil {
		return err
	}
	made, size, err := j.copyTo(fresh)
	if err == nil {
		err = j.disk.rename(j.path+".new", j.path)
	}
	if err != nil {
		// A disk that is full needs the room.
		return errors.Join(err, fresh.Truncate(0), fresh.Close())
	}
	old := j.file
	j.file, j.index, j.size, j.synced = fresh, made, size, size
	if err := j.disk.sync(filepath.Dir(j.path)); err != nil {
		// After a crash the old file could have the name again.
		j.broken = true
		return err
	}
	j.pending, j.broken, j.patience = map[string]record{}, false, floor
	if old != nil {
		// Nobody reads the old one any more, and nothing of it waits to be written.
		_ = old.Close()
	}
	return nil
}

// copyTo writes a journal of all that is committed and pending to an empty file, and returns when it is on the disk.
func (j *Journal) copyTo(fresh file) (made index, size int64, err error) {
	keys := maps.Clone(j.index.places)
	for key, r := range j.pending {
		if r.gone {
			delete(keys, key)
		} else {
			keys[key] = place{}
		}
	}
	c := copier{to: fresh, made: newIndex(), size: headSize}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		r, pending := j.pending[key]
		if !pending {
			value, err := j.read(nil, key)
			if err != nil {
				return index{}, 0, err
			}
			r = record{key: key, value: value}
		}
		if err := c.add(r); err != nil {
			return index{}, 0, err
		}
	}
	if err := c.flush(); err != nil {
		return index{}, 0, err
	}
	if _, err := fresh.WriteAt(encodeHead(c.size), 0); err != nil {
		return index{}, 0, err
	}
	return c.made, c.size, fresh.Sync()
}

// copier writes records in commits of about batch bytes.
type copier struct {
	to      file
	made    index
	size    int64
	waiting []record
	bytes   int64
}

func (c *copier) add(r record) error {
	c.waiting = append(c.waiting, r)
	if c.bytes += r.size(); c.bytes < batch {
		return nil
	}
	return c.flush()
}

func (c *copier) flush() error {
	if len(c.waiting) == 0 {
		return nil
	}
	length := lengthOf(c.waiting)
	if c.size+length > maxSize {
		return fmt.Errorf("the values take more than %d bytes", maxSize)
	}
	places, err := encode(bufio.NewWriterSize(io.NewOffsetWriter(c.to, c.size), writeAhead), c.size, headSize, c.waiting)
	if err != nil {
		return err
	}
	for i, r := range c.waiting {
		c.made.put(r.key, places[i])
	}
	c.size += length
	c.waiting, c.bytes = nil, 0
	return nil
}
