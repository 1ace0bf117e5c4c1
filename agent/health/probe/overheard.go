// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// mostOverheard is how many bytes are kept: more than a reason quotes.
const mostOverheard = 64

// overheard is a connection that keeps how the answer on it begins and why it ended, since libraries do not say what it was that they did not
// understand.
type overheard struct {
	net.Conn
	// closing is called before the connection is closed, whatever it returns.
	closing func() bool

	mu    sync.Mutex
	begin []byte
	bytes int
	end   error
}

func overhear(conn net.Conn) *overheard {
	return &overheard{Conn: conn, closing: func() bool { return true }}
}

// Read implements net.Conn.
func (o *overheard) Read(to []byte) (int, error) {
	n, err := o.Conn.Read(to)
	o.note(to[:n], err)
	return n, err
}

// Write implements net.Conn.
func (o *overheard) Write(from []byte) (int, error) {
	n, err := o.Conn.Write(from)
	o.note(nil, err)
	return n, err
}

// note keeps the first error, but rather what the kernel says than the end that follows from it: reads and writes do not wait for each other.
func (o *overheard) note(read []byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes += len(read)
	o.begin = append(o.begin, read[:min(len(read), mostOverheard-len(o.begin))]...)
	if o.end == nil || errors.Is(o.end, io.EOF) && errors.As(err, new(syscall.Errno)) {
		o.end = err
	}
}

// Close implements net.Conn.
func (o *overheard) Close() error {
	o.closing()
	return o.Conn.Close()
}

// heard is how what was read begins, and how many bytes it was.
func (o *overheard) heard() (begin []byte, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.begin, o.bytes
}

// ended is why the first read or write failed; nil: none did.
func (o *overheard) ended() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.end
}

// endReason says in plain words why a connection ended that so much of an answer came on; nil: it did not.
func endReason(end error, begin []byte, bytes int) error {
	switch refused := alertReason(end); {
	case refused != nil:
		return refused
	case errors.As(end, new(syscall.Errno)):
		return reason(end)
	case errors.Is(end, io.EOF), errors.Is(end, io.ErrUnexpectedEOF):
		return check.Cut(begin, bytes)
	}
	return nil
}
