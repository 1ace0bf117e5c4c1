// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func TestWhatIsThereAtOnceIsNotWaitedFor(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Start(0, target(listen(t, "127.0.0.1:0").Addr(), time.Hour))
	p.settle()
	if len(p.ended) != 1 || p.ended[0].Err != nil {
		t.Errorf("ended: %v, want a check that passed: on lo the connection is there when connect(2) returns", p.ended)
	}
}

// loud says nothing at first, much when it is asked to, and passes when that has arrived.
type loud struct{ words []byte }

func (loud) Open(say []byte, _ netip.AddrPort) []byte { return say }

func (l loud) Hear(said int, heard []byte, _ bool) check.Answer {
	switch {
	case said == 0 && bytes.HasPrefix(heard, []byte("go")):
		return check.Answer{Say: l.words}
	case said == 1 && bytes.HasSuffix(heard, []byte("got")):
		return check.Answer{Done: true}
	}
	return check.Answer{}
}

// More than the socket takes is said in the middle of a conversation, when the epoll waits for what the real server says.
func TestWhatTheSocketDoesNotTakeAtOnceIsSaidLater(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	much := loud{make([]byte, 16<<20)}
	served := make(chan error, 1)
	asked := make(chan struct{})
	go func() { served <- hearOut(l, asked, len(much.words)) }()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.at = []conversation{{fd: closed}}
	p.begin(0, target(l.Addr(), time.Minute), much)
	over := time.Now().Add(time.Minute)
	for begun := false; ; {
		results := p.Wait(time.Now().Add(10 * time.Millisecond))
		if c := &p.at[0]; !begun && len(c.unsaid) > 0 {
			close(asked)
			begun = true
		}
		if len(results) > 0 {
			if results[0].Err != nil || !begun {
				t.Errorf("ended with %v; had more to say than the socket took: %t", results[0].Err, begun)
			}
			break
		}
		if !time.Now().Before(over) {
			t.Fatal("the rest was not said")
		}
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// hearOut asks for words, and reads them when it may.
func hearOut(l net.Listener, may <-chan struct{}, words int) error {
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("go")); err != nil {
		return err
	}
	<-may
	if _, err := io.CopyN(io.Discard, conn, int64(words)); err != nil {
		return err
	}
	_, err = conn.Write([]byte("got"))
	return err
}
