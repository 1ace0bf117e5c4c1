// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// disk is the file system, as far as a journal needs it.
type disk interface {
	// open opens a file to read and write it.
	open(path string) (file, error)
	// create makes an empty file that only its owner may read, in the place of what had its name.
	create(path string) (file, error)
	// rename gives a file another name, in the place of what had it.
	rename(from, to string) error
	// sync returns when the names in a directory are on the disk.
	sync(directory string) error
}

// file is an open file.
type file interface {
	io.ReaderAt
	io.WriterAt
	// Size is in bytes.
	Size() (int64, error)
	Truncate(size int64) error
	// Sync returns when all bytes and the size are on the disk.
	Sync() error
	Close() error
}

// host is the disk of this host.
type host struct{}

func (host) open(path string) (file, error) {
	return wrap(os.OpenFile(path, os.O_RDWR, 0)) //nolint:gosec // in the agent's own directory
}

func (host) create(path string) (file, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return wrap(os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)) //nolint:gosec // in the agent's own directory
}

func (host) rename(from, to string) error { return os.Rename(from, to) }

func (host) sync(directory string) error {
	d, err := os.Open(directory) //nolint:gosec // the agent's own directory
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type hostFile struct{ *os.File }

func wrap(f *os.File, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return hostFile{f}, nil
}

// Size is fstat(2).
func (f hostFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Sync is fdatasync(2): it leaves out the times of the file, which cost a second write and say nothing.
func (f hostFile) Sync() error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
