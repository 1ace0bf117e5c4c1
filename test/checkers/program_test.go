// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// patience is how long a thing may take that has to come, on a machine that is slow.
const patience = 60 * time.Second

// start runs a program on the real server until ctx ends, and returns when it listens on a port.
func (s *scene) start(ctx context.Context, port uint16, args ...string) error {
	var said bytes.Buffer
	program := s.realServer.Command(ctx, args...)
	program.Stdout, program.Stderr = &said, &said
	if err := program.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	for over := time.Now().Add(patience); !s.listens(port); {
		select {
		case err := <-ended:
			return fmt.Errorf("%s ended: %w: %s", args[0], err, said.Bytes())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(over) {
			return fmt.Errorf("%s does not listen on port %d after %v", args[0], port, patience)
		}
	}
	return nil
}

// listens says whether somebody accepts connections on a port of the real server.
func (s *scene) listens(port uint16) bool {
	return s.realServer.Do(func() error {
		conn, err := net.Dial("tcp", netip.AddrPortFrom(realServer, port).String())
		if err == nil {
			err = conn.Close()
		}
		return err
	}) == nil
}

// write makes a file of the real server's and returns its path.
func (s *scene) write(name string, text []byte) (path string, err error) {
	path = filepath.Join(s.dir, name)
	return path, os.WriteFile(path, text, 0o600)
}

// at is a port of the real server.
func at(port uint16) netip.AddrPort { return netip.AddrPortFrom(realServer, port) }
