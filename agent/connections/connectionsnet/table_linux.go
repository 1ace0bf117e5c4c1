// SPDX-License-Identifier: Apache-2.0

package connectionsnet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/lvs-operator/lvs-operator/agent/connections"
)

// table is of the network namespace of the thread that opens it.
const table = "/proc/thread-self/net/ip_vs_conn_sync"

// ErrNoIPVS says that the network namespace has no IPVS.
var ErrNoIPVS = errors.New("the kernel has no IPVS: load the module ip_vs")

// readSize is the room for one read in bytes. The kernel fills 4 KiB of it, and less only if there is no such room: each read makes
// it count entries from the first on.
const readSize = 64 << 10

// Each calls take with each entry of the connection table of the calling thread's network namespace until take returns false, which
// is no error, or the context ends, which is one.
//
// The table is not read in one moment. An entry that is there all the time can be missed or come twice if others come and go,
// because the kernel finds its place again by counting entries; that counting also makes the time grow with the square of
// the table's size.
//
// A line that is not understood costs no other: the error that tells of it comes when all were read. Without IPVS the error is
// ErrNoIPVS.
func Each(ctx context.Context, take func(connections.Connection) bool) error {
	file, err := os.Open(table)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNoIPVS
	}
	if err != nil {
		return fmt.Errorf("read the IPVS connection table: %w", err)
	}
	defer func() { _ = file.Close() }()
	if err := each(ctx, file, take); err != nil {
		return fmt.Errorf("read the IPVS connection table: %w", err)
	}
	return nil
}

// each reads what Each opened.
func each(ctx context.Context, file io.Reader, take func(connections.Connection) bool) error {
	lines := bufio.NewReaderSize(file, readSize)
	var bad misread
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			bad.add(fmt.Errorf("line of more than %d bytes, beginning with %.200q", readSize, line))
			err = skip(lines)
			line = nil
		}
		if len(line) > 0 && !connections.Header(line) {
			c, misread := connections.Parse(line)
			if misread != nil {
				bad.add(misread)
			} else if !take(c) {
				return bad.err()
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return bad.err()
		case err != nil:
			return err
		}
	}
}

// skip reads to the end of the line.
func skip(lines *bufio.Reader) error {
	for {
		if _, err := lines.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// misread remembers lines that were not understood.
type misread struct {
	first error
	count int
}

func (m *misread) add(err error) {
	if m.first == nil {
		m.first = err
	}
	m.count++
}

// err is nil if every line was understood.
func (m *misread) err() error {
	if m.first == nil {
		return nil
	}
	return fmt.Errorf("%d lines were not understood, all others were; the first: %w", m.count, m.first)
}
