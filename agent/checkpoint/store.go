// SPDX-License-Identifier: Apache-2.0

package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint/journal"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/serving"
)

const fileName = "checkpoint"

var (
	// ErrAbsent says that there is no checkpoint: the agent is new on this node.
	ErrAbsent = errors.New("no checkpoint")
	// ErrCorrupt says that the checkpoint could not be understood and was moved aside, with .corrupt behind its name: the
	// agent has to start from the API server, and does not know what settings to restore.
	ErrCorrupt = journal.ErrCorrupt
)

// commitEvery is how many services are written at once: it bounds the memory that a large change takes.
const commitEvery = 256

// Store is the checkpoint in one directory. One agent uses it, from one goroutine at a time.
type Store struct {
	journal *journal.Journal
	// node is what the file holds of the node, as far as known.
	node *Node
}

// Open opens the checkpoint of a directory, which is made where it is absent, and reads it. With a Store the error says only
// why there is no Checkpoint: ErrAbsent, or ErrCorrupt.
func Open(directory string) (*Store, Checkpoint, error) {
	s, c, err := read(directory)
	switch {
	case err == nil:
		s.node = &c.Node
		return s, c, nil
	case errors.Is(err, ErrAbsent):
		return s, Checkpoint{}, err
	case !errors.Is(err, ErrCorrupt):
		return nil, Checkpoint{}, fmt.Errorf("open the checkpoint: %w", err)
	}
	fresh, openErr := journal.Open(directory, fileName)
	if openErr != nil {
		return nil, Checkpoint{}, fmt.Errorf("open the checkpoint: %w", errors.Join(err, openErr))
	}
	return &Store{journal: fresh}, Checkpoint{}, err
}

// read reads the checkpoint. One that cannot be understood has been moved aside when it returns ErrCorrupt.
func read(directory string) (*Store, Checkpoint, error) {
	j, err := journal.Open(directory, fileName)
	if err != nil {
		return nil, Checkpoint{}, err
	}
	if j.Len() == 0 {
		return &Store{journal: j}, Checkpoint{}, ErrAbsent
	}
	c := Checkpoint{Drains: Drains{}, Standings: Standings{}}
	var misread error
	err = j.Records(func(key string, value []byte) error {
		misread = c.decode(key, value)
		return misread
	})
	if misread != nil {
		path := filepath.Join(directory, fileName)
		aside := path + ".corrupt"
		return nil, Checkpoint{}, errors.Join(fmt.Errorf("%w %s, moved to %s: %w", ErrCorrupt, path, aside, misread), j.Close(), os.Rename(path, aside))
	}
	if err != nil {
		return nil, Checkpoint{}, errors.Join(err, j.Close())
	}
	return &Store{journal: j}, c, nil
}

// Lost is how many bytes of the file Open could not use: a crash of the machine interrupted a write.
func (s *Store) Lost() int64 { return s.journal.Cut() }

// Close closes the file. What was saved stays.
func (s *Store) Close() error { return s.journal.Close() }

// Save writes what changed. What is found of settings is on the disk when it returns; of the rest a crash of the machine may
// lose the last seconds, and a crash of the agent nothing. The caller must not change it afterwards.
func (s *Store) Save(change Change) error {
	if err := s.save(change); err != nil {
		s.node = nil // it is not known what the file holds
		return fmt.Errorf("write the checkpoint: %w", err)
	}
	return nil
}

func (s *Store) save(change Change) error {
	// Drains come first: a real server that is neither wanted nor drains would be cut off by an agent that starts again.
	written := 0
	for _, key := range slices.SortedFunc(maps.Keys(change.Drains), ipvs.ServiceKey.Compare) {
		until := change.Drains[key]
		written++
		if len(until) == 0 {
			s.journal.Delete(drainPrefix + key.String())
		} else if err := s.put(drainPrefix+key.String(), drainRecord{key, until}); err != nil {
			return err
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(change.Standings), ipvs.ServiceKey.Compare) {
		written++
		if standing := change.Standings[key]; standing == (serving.Memory{}) {
			s.journal.Delete(standingPrefix + key.String())
		} else if err := s.put(standingPrefix+key.String(), standingRecord{key, standing}); err != nil {
			return err
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(change.Services), ipvs.ServiceKey.Compare) {
		if service := change.Services[key]; service == nil {
			s.journal.Delete(servicePrefix + key.String())
		} else if err := s.put(servicePrefix+key.String(), service); err != nil {
			return err
		}
		if written++; written%commitEvery == 0 {
			if err := s.journal.Commit(false); err != nil {
				return err
			}
		}
	}
	if change.Node == nil || s.node != nil && s.node.Equal(*change.Node) {
		if written == 0 {
			return nil
		}
		return s.journal.Commit(false)
	}
	text, err := encodeNode(*change.Node)
	if err == nil {
		err = s.journal.Put(nodeKey, text)
	}
	if err != nil {
		return err
	}
	if err := s.journal.Commit(true); err != nil {
		return err
	}
	s.node = change.Node
	return nil
}

func (s *Store) put(key string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return s.journal.Put(key, text)
}
