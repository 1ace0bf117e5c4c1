// SPDX-License-Identifier: Apache-2.0

package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	fileName = "checkpoint.json"
	// maxSize bounds what is read: five times what 100,000 real servers take.
	maxSize = 256 << 20
)

var (
	// ErrAbsent says that there is no checkpoint: the agent is new on this node.
	ErrAbsent = errors.New("no checkpoint")
	// ErrCorrupt says that the checkpoint could not be understood and was moved aside, to checkpoint.json.corrupt: the agent
	// has to start from the API server, and does not know what sysctls to restore.
	ErrCorrupt = errors.New("corrupt checkpoint")
)

// Store is the checkpoint in one directory. One agent uses it, from one goroutine at a time.
type Store struct {
	path string
	// last is what the file holds, as far as known.
	last *Checkpoint
}

// Open makes the directory where it is absent, and takes from others the right to read it.
func Open(directory string) (*Store, error) {
	err := os.MkdirAll(directory, 0o700)
	if err == nil {
		err = os.Chmod(directory, 0o700) //nolint:gosec // a directory needs the right to search it
	}
	if err != nil {
		return nil, fmt.Errorf("open checkpoint directory %s: %w", directory, err)
	}
	return &Store{path: filepath.Join(directory, fileName)}, nil
}

// Load reads the checkpoint: an error that is ErrAbsent if there is none, ErrCorrupt if it cannot be understood, and another
// if it cannot be read.
func (s *Store) Load() (Checkpoint, error) {
	text, err := s.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Checkpoint{}, ErrAbsent
	case err != nil:
		return Checkpoint{}, fmt.Errorf("read checkpoint %s: %w", s.path, err)
	}
	checkpoint, err := decode(text)
	if err != nil {
		aside := s.path + ".corrupt"
		return Checkpoint{}, errors.Join(
			fmt.Errorf("%w %s, moved to %s: %w", ErrCorrupt, s.path, aside, err),
			os.Rename(s.path, aside),
		)
	}
	s.last = &checkpoint
	return checkpoint, nil
}

func (s *Store) read() ([]byte, error) {
	file, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = fmt.Errorf("larger than %d bytes; remove it", maxSize)
	}
	return text, errors.Join(err, file.Close())
}

// Save writes the checkpoint if it differs from what the file holds, and returns when it is on the disk; a crash leaves the
// old one or the new one. The caller must not change it afterwards.
func (s *Store) Save(c Checkpoint) error {
	if s.last != nil && s.last.Equal(c) {
		return nil
	}
	text, err := encode(c)
	if err == nil {
		err = s.replace(text)
	}
	if err != nil {
		s.last = nil
		return fmt.Errorf("write checkpoint %s: %w", s.path, err)
	}
	s.last = &c
	return nil
}

// replace puts a new file in the place of the old one: write, fsync, rename, fsync of the directory.
func (s *Store) replace(text []byte) error {
	temporary := s.path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in the agent's own directory
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, s.path); err != nil {
		return err
	}
	directory, err := os.Open(filepath.Dir(s.path))
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
