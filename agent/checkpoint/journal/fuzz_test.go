// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// FuzzOpen reads anything, as a file and as the body of a commit whose checksums are right: it is corrupt, or a journal that can
// be written to, compacted and read again.
func FuzzOpen(f *testing.F) {
	d := newMemory()
	j, err := open(d, path)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 4 {
		if err := errors.Join(j.Put(fmt.Sprint("key", i%3), []byte("value")), j.Commit(i%2 == 0)); err != nil {
			f.Fatal(err)
		}
		f.Add(slices.Clone(d.files[path].data))
	}
	f.Add([]byte{})
	f.Add(d.files[path].data[headSize+commitSize:])
	f.Add([]byte("\x01\x00\x01\x00\x00\x00\x01kv\x02\x00\x01\x00\x00\x00\x00k"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{slices.Clone(data), committed(string(data))} {
			d := on(data)
			j, err := open(d, path)
			if err != nil {
				if !errors.Is(err, ErrCorrupt) {
					t.Errorf("error %v", err)
				}
				continue
			}
			want := maps.Clone(holds(t, j))
			put(t, j, "new", "value")
			want["new"] = "value"
			commit(t, j, true)
			expect(t, opened(t, d), want)
			if err := j.compact(); err != nil {
				t.Fatal(err)
			}
			expect(t, opened(t, d), want)
		}
	})
}
