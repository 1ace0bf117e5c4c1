// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const path = "/var/lib/lvs-operator/journal"

// values are what a journal holds.
type values map[string]string

func holds(t *testing.T, j *Journal) values {
	t.Helper()
	all := values{}
	if err := j.Records(func(key string, value []byte) error {
		all[key] = string(value)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if j.Len() != len(all) {
		t.Errorf("length is %d, want %d", j.Len(), len(all))
	}
	return all
}

func expect(t *testing.T, j *Journal, want values) {
	t.Helper()
	if got := holds(t, j); !maps.Equal(got, want) {
		t.Errorf("holds %.200v\nwant %.200v", got, want)
	}
}

func opened(t *testing.T, d disk) *Journal {
	t.Helper()
	j, err := open(d, path)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func put(t *testing.T, j *Journal, key, value string) {
	t.Helper()
	if err := j.Put(key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, j *Journal, sync bool) {
	t.Helper()
	if err := j.Commit(sync); err != nil {
		t.Fatal(err)
	}
}

// on returns a disk with a journal of these bytes.
func on(data []byte) *memory {
	d := newMemory()
	d.files[path] = &memoryFile{disk: d, data: data, durable: data}
	return d
}

// committed returns a journal of one commit with this body, whose checksums are right.
func committed(body string) []byte {
	h := commitHead{length: uint32(len(body)), synced: headSize, sum: checksum([]byte(body))}
	return slices.Concat(encodeHead(headSize), h.encode(), []byte(body))
}

func TestAgentFindsAfterARestartWhatItCommitted(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "agent")
	restart := func(old *Journal) *Journal {
		t.Helper()
		if old != nil {
			if err := errors.Join(old.Close(), old.Close()); err != nil {
				t.Fatal(err)
			}
		}
		j, err := Open(directory, "journal")
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	j := restart(nil)
	expect(t, j, values{})
	put(t, j, "web/tomcat", "192.0.2.10")
	put(t, j, "web/jetty", "192.0.2.11")
	commit(t, j, true)
	put(t, j, "web/tomcat", "192.0.2.12")
	j.Delete("web/jetty")
	put(t, j, "empty", "")
	commit(t, j, false)
	put(t, j, "web/late", "not committed")

	want := values{"web/tomcat": "192.0.2.12", "empty": ""}
	expect(t, j, want)
	j = restart(j)
	expect(t, j, want)
	if j.Cut() != 0 {
		t.Errorf("%d bytes were cut off", j.Cut())
	}
	for path, want := range map[string]os.FileMode{directory: 0o700, filepath.Join(directory, "journal"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v; want %v", path, info.Mode().Perm(), err, want)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Commit(true); !errors.Is(err, os.ErrClosed) {
		t.Errorf("commit after close: %v", err)
	}
}

func TestOneChangeIsOneSmallWrite(t *testing.T) {
	d := newMemory()
	j := opened(t, d)
	for i := range 10_000 {
		put(t, j, fmt.Sprint("service-", i), strings.Repeat("x", 500))
	}
	commit(t, j, true)
	size := j.size
	d.writes, d.syncs = 0, 0
	put(t, j, "service-7", strings.Repeat("y", 500))
	commit(t, j, true)
	if d.writes != 1 || d.syncs != 1 || j.size-size > 600 {
		t.Errorf("%d writes of %d bytes, %d syncs; want one each", d.writes, j.size-size, d.syncs)
	}
	put(t, j, "service-7", "z")
	commit(t, j, false)
	if d.writes != 2 || d.syncs != 1 {
		t.Errorf("%d writes, %d syncs; want 2 and still 1", d.writes, d.syncs)
	}
	commit(t, j, true)
	if d.writes != 2 || d.syncs != 2 {
		t.Errorf("%d writes, %d syncs; want 2 and 2 after a commit of nothing", d.writes, d.syncs)
	}
	commit(t, j, true)
	j.Delete("absent")
	commit(t, j, true)
	if d.writes != 2 || d.syncs != 2 {
		t.Errorf("%d writes, %d syncs for nothing", d.writes-2, d.syncs-2)
	}
}

// several returns a journal of a few commits, and what it held after each, by the length it had.
func several(t *testing.T, sync bool) ([]byte, map[int]values) {
	t.Helper()
	d := newMemory()
	j := opened(t, d)
	after := map[int]values{len(d.files[path].data): {}}
	for i := range 6 {
		put(t, j, "a", fmt.Sprint("a", i))
		put(t, j, fmt.Sprint("b", i), strings.Repeat("b", 5*i))
		j.Delete(fmt.Sprint("b", i-2))
		commit(t, j, sync)
		after[len(d.files[path].data)] = holds(t, j)
	}
	return d.files[path].data, after
}

func TestEveryTruncationLeavesTheCommitsBeforeIt(t *testing.T) {
	data, after := several(t, true)
	want := values{}
	for length := headSize; length <= len(data); length++ {
		if now, whole := after[length]; whole {
			want = now
		}
		d := on(slices.Clone(data[:length]))
		j := opened(t, d)
		expect(t, j, want)
		if got := len(d.files[path].data); int64(length-got) != j.Cut() || after[got] == nil {
			t.Fatalf("%d bytes were cut to %d, said to be %d less", length, got, j.Cut())
		}
		// What is written behind the cut is found.
		put(t, j, "new", "value")
		commit(t, j, true)
		now := maps.Clone(want)
		now["new"] = "value"
		expect(t, opened(t, d), now)
	}
	if len(want) == 0 {
		t.Error("nothing was there in the end")
	}
}

func TestDamageOfWhatWasOnTheDiskIsCorrupt(t *testing.T) {
	data, after := several(t, true)
	lengths := slices.Sorted(maps.Keys(after))
	last := lengths[len(lengths)-2]
	for at := range data {
		spoilt := slices.Clone(data)
		spoilt[at] ^= 0x10
		j, err := open(on(spoilt), path)
		if at < last {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("byte %d spoilt: %v", at, err)
			}
			continue
		}
		// The last commit may be one that a crash spoilt.
		if err != nil {
			t.Fatalf("byte %d of the last commit spoilt: %v", at, err)
		}
		expect(t, j, after[last])
	}
}

func TestDamageOfWhatWasNeverSyncedIsCutOff(t *testing.T) {
	data, after := several(t, false)
	lengths := slices.Sorted(maps.Keys(after))
	for at := headSize; at < len(data); at++ {
		spoilt := slices.Clone(data)
		spoilt[at] ^= 0x10
		before := lengths[0]
		for _, length := range lengths {
			if length <= at {
				before = length
			}
		}
		expect(t, opened(t, on(spoilt)), after[before])
	}
}

func TestDamageIsKnownFromACommitFarBehindIt(t *testing.T) {
	// The next commit's head lies at every place around the end of what is read at once.
	const toNext = commitSize + recordSize + len("k")
	for length := readAhead - toNext - 2*commitSize; length < readAhead-toNext+2*commitSize; length++ {
		d := newMemory()
		j := opened(t, d)
		put(t, j, "k", strings.Repeat("v", length))
		commit(t, j, true)
		put(t, j, "k", "")
		commit(t, j, false)
		d.files[path].data[headSize] ^= 1
		if _, err := open(d, path); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("a value of %d bytes: %v", length, err)
		}
	}
}

func TestCorruptJournalIsMovedAside(t *testing.T) {
	good, _ := several(t, true)
	newer := slices.Clone(good[:headSize])
	newer[11] = 2
	for name, c := range map[string]struct {
		data []byte
		why  string
	}{
		"empty":                 {nil, "not a journal"},
		"JSON":                  {[]byte(`{"version": 1, "state": {}, "owned": []}`), "not a journal"},
		"newer version":         {newer, "format version 2: this agent reads version 1"},
		"cut off in its head":   {good[:headSize-1], "not a journal"},
		"cut off within seal":   {encodeHead(headSize + 1), "24 bytes are left of at least 25"},
		"damaged within seal":   {append(encodeHead(headSize+30), make([]byte, 30)...), "damaged at byte 24"},
		"no kind of record":     {committed("\x03\x00\x01\x00\x00\x00\x00k"), "no record at byte 48"},
		"deletion with a value": {committed("\x02\x00\x01\x00\x00\x00\x01kv"), "no record at byte 48"},
		"half a record":         {committed("\x01\x00\x01"), "no record at byte 48"},
		"half a key":            {committed("\x01\x00\x05\x00\x00\x00\x00k"), "no record at byte 48"},
		"half a value":          {committed("\x01\x00\x01\x00\x00\x00\x09kv"), "no record at byte 48"},
	} {
		t.Run(name, func(t *testing.T) {
			d := on(c.data)
			_, err := open(d, path)
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("error %v, want ErrCorrupt", err)
			}
			if want := "corrupt journal " + path + ", moved to " + path + ".corrupt: " + c.why; err.Error() != want {
				t.Errorf("error %q\nwant  %q", err, want)
			}
			if aside := d.files[path+".corrupt"]; aside == nil || !bytes.Equal(aside.data, c.data) {
				t.Error("it was not moved aside as it was")
			}
			j := opened(t, d)
			expect(t, j, values{})
			put(t, j, "a", "1")
			commit(t, j, true)
			expect(t, opened(t, d), values{"a": "1"})
		})
	}
}

// TestNoPowerCutLosesWhatWasSynced plays stories that chance tells: after each power cut the journal holds what it held after
// one of its commits, and none older than the last that was synced.
func TestNoPowerCutLosesWhatWasSynced(t *testing.T) {
	lost := 0
	for seed := range uint64(300) {
		chance := rand.New(rand.NewPCG(seed, 0))
		d := newMemory()
		j := opened(t, d)
		now := values{}
		history := []values{{}}
		for range 60 {
			for range 1 + chance.IntN(3) {
				key := fmt.Sprint("key", chance.IntN(8))
				if chance.IntN(3) == 0 {
					j.Delete(key)
					delete(now, key)
				} else {
					value := strings.Repeat(string(rune('a'+chance.IntN(26))), chance.IntN(900))
					put(t, j, key, value)
					now[key] = value
				}
			}
			sync := chance.IntN(4) == 0
			commit(t, j, sync)
			if sync {
				history = nil
			}
			history = append(history, maps.Clone(now))
			if chance.IntN(20) != 0 {
				continue
			}
			d = on(d.files[path].crash(chance.IntN))
			j = opened(t, d)
			now = holds(t, j)
			found := slices.IndexFunc(history, func(v values) bool { return maps.Equal(v, now) })
			if found < 0 {
				t.Fatalf("seed %d: a state that never was, or was older than what was synced", seed)
			}
			lost += len(history) - 1 - found
			history = []values{maps.Clone(now)}
			// What was found is on the disk, but no commit has said so yet.
			d.files[path].durable = slices.Clone(d.files[path].data)
		}
	}
	if lost == 0 {
		t.Error("no power cut lost anything: the test tests nothing")
	}
}

func TestGarbageIsCompacted(t *testing.T) {
	d := newMemory()
	j := opened(t, d)
	put(t, j, "small", "stays")
	want := values{"small": "stays"}
	largest := int64(0)
	for i := range 100 {
		want["large"] = strings.Repeat(string(rune('a'+i%26)), 300_000)
		put(t, j, "large", want["large"])
		commit(t, j, false)
		largest = max(largest, j.size)
	}
	if largest > 2*floor {
		t.Errorf("the file grew to %d bytes", largest)
	}
	expect(t, j, want)
	expect(t, opened(t, d), want)
	if len(d.files) != 1 {
		t.Errorf("%d files are left, want 1", len(d.files))
	}

	// What a compaction wrote is on the disk, so damage in it is no crash's.
	if err := j.compact(); err != nil {
		t.Fatal(err)
	}
	d.files[path].data[j.size-1] ^= 1
	if _, err := open(d, path); !errors.Is(err, ErrCorrupt) {
		t.Errorf("damage after a compaction: %v", err)
	}
}

func TestFullDiskIsAnErrorAndLosesNothing(t *testing.T) {
	data, _ := several(t, true)
	for room := range 80 {
		d := on(slices.Clone(data))
		j := opened(t, d)
		want := holds(t, j)
		put(t, j, "new", strings.Repeat("n", 49))
		d.room = room
		err := j.Commit(true)
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "write journal "+path) || !strings.Contains(err.Error(), "free space") {
			t.Fatalf("room for %d bytes: %v", room, err)
		}
		expect(t, j, want)
		expect(t, opened(t, d), want)

		d.room = -1
		commit(t, j, true)
		want["new"] = strings.Repeat("n", 49)
		expect(t, j, want)
		expect(t, opened(t, d), want)
	}
}

func TestFileThatCannotBeMendedIsReplaced(t *testing.T) {
	for name, fail := range map[string]func(*memory){
		"a failed write that cannot be cut off": func(d *memory) { d.room, d.failTruncate = 30, errBroken },
		"a failed sync":                         func(d *memory) { d.failSync = errBroken },
	} {
		t.Run(name, func(t *testing.T) {
			data, _ := several(t, true)
			d := on(slices.Clone(data))
			j := opened(t, d)
			want := holds(t, j)
			put(t, j, "new", strings.Repeat("n", 100))
			fail(d)
			if err := j.Commit(true); err == nil {
				t.Fatal("no error")
			}
			if err := j.Commit(true); err == nil || !strings.Contains(err.Error(), "compact journal "+path) {
				t.Fatalf("second commit: %v", err)
			}
			expect(t, j, want)

			d.room, d.failSync, d.failTruncate = -1, nil, nil
			put(t, j, "newer", "value")
			commit(t, j, false)
			want["new"], want["newer"] = strings.Repeat("n", 100), "value"
			expect(t, j, want)
			expect(t, opened(t, on(d.files[path].durable)), want)
		})
	}
}

func TestFailedCompactionIsAnErrorAndLosesNothing(t *testing.T) {
	fill := func(t *testing.T) (*memory, *Journal, values) {
		t.Helper()
		d := newMemory()
		j := opened(t, d)
		want := values{"kept": "value"}
		put(t, j, "kept", "value")
		for j.size < floor {
			want["large"] = strings.Repeat("x", 1<<20)
			put(t, j, "large", want["large"])
			commit(t, j, true)
		}
		put(t, j, "large", want["large"])
		return d, j, want
	}
	for name, fail := range map[string]func(*memory){
		"no room":                 func(d *memory) { d.room = 3 << 19 },
		"no new name":             func(d *memory) { d.failRename = errBroken },
		"the name may get lost":   func(d *memory) { d.failNames = errBroken },
		"no room and no way back": func(d *memory) { d.room, d.failTruncate = 3<<19, errBroken },
	} {
		t.Run(name, func(t *testing.T) {
			d, j, want := fill(t)
			fail(d)
			if err := j.Commit(true); err == nil || !strings.Contains(err.Error(), "compact journal "+path) {
				t.Fatalf("error %v", err)
			}
			expect(t, j, want)
			expect(t, opened(t, on(d.files[path].durable)), want)
			*d = memory{files: d.files, room: -1}
			put(t, j, "new", "value")
			want["new"] = "value"
			commit(t, j, true)
			expect(t, j, want)
			expect(t, opened(t, on(d.files[path].durable)), want)
		})
	}
}

func TestFailedCompactionIsNotTriedWithEveryCommit(t *testing.T) {
	d := newMemory()
	j := opened(t, d)
	d.failRename = errBroken
	failures := 0
	for range 100 {
		put(t, j, "large", strings.Repeat("x", 200_000))
		if j.Commit(false) != nil {
			failures++
		}
	}
	if failures != 3 { // at 4, 8 and 16 MiB of garbage
		t.Errorf("%d failures of 100 commits, want 3", failures)
	}
}

func TestWhatTheDiskChangedIsNotHandedOut(t *testing.T) {
	d := newMemory()
	j := opened(t, d)
	put(t, j, "a", "value")
	commit(t, j, true)
	d.files[path].data[j.size-1] ^= 1
	for what, err := range map[string]error{"read": j.Records(func(string, []byte) error { return nil }), "compact": j.renew()} {
		if err == nil || !strings.Contains(err.Error(), "a at byte 56 was changed on the disk") {
			t.Errorf("%s: %v", what, err)
		}
	}
	// A new value needs nothing of the old one.
	put(t, j, "a", "new")
	if err := j.compact(); err != nil {
		t.Fatal(err)
	}
	expect(t, j, values{"a": "new"})
}

func TestReadingEndsWithTheReadersError(t *testing.T) {
	j := opened(t, newMemory())
	put(t, j, "b", "2")
	put(t, j, "a", "1")
	commit(t, j, false)
	var seen []string
	err := j.Records(func(key string, _ []byte) error {
		seen = append(seen, key)
		return errBroken
	})
	if !errors.Is(err, errBroken) || !slices.Equal(seen, []string{"a"}) {
		t.Errorf("saw %v, error %v", seen, err)
	}
}

func TestWhatIsTooLargeIsRefused(t *testing.T) {
	j := opened(t, newMemory())
	if err := j.Put(strings.Repeat("k", MaxKey+1), nil); err == nil {
		t.Error("a key too long was taken")
	}
	if err := j.Put("k", make([]byte, MaxValue+1)); err == nil {
		t.Error("a value too large was taken")
	}
	put(t, j, strings.Repeat("k", MaxKey), "v")
	commit(t, j, true)
	if j.Len() != 1 {
		t.Error("the longest key was not kept")
	}
}

func TestLeftoverOfACrashedCompactionIsHarmless(t *testing.T) {
	directory := t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, "journal.new"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := Open(directory, "journal")
	if err != nil {
		t.Fatal(err)
	}
	put(t, j, "a", "1")
	commit(t, j, true)
	if err := errors.Join(j.compact(), j.Close()); err != nil {
		t.Fatal(err)
	}
	if j, err = Open(directory, "journal"); err != nil {
		t.Fatal(err)
	}
	expect(t, j, values{"a": "1"})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}
