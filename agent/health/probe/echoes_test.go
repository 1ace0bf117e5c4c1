// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// Answers on lo are in the socket once they have been sent.
func TestSocketForPingsHearsOnlyAnswersThatKnowItsSecret(t *testing.T) {
	if !inNetwork(t) {
		return
	}
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, address := range []string{"127.0.0.1", "::1"} {
		to := netip.AddrPortFrom(netip.MustParseAddr(address), 0)
		ours, others := p.echoesOf(to.Addr()), newEchoes(p.echoesOf(to.Addr()).family, echoes4Come)
		if err := errors.Join(ours.open(p.poll), others.open(p.poll)); err != nil {
			t.Fatal(err)
		}
		defer others.close()
		want := ours.next(7)
		for _, echo := range []check.Echo{others.next(7), want, others.next(7)} {
			if err := p.request(&others, to, echo); err != nil {
				t.Fatal(err)
			}
		}
		// The socket hears the requests, which are none, as well: the kernel sends them to itself.
		var heard []check.Echo
		packets := 0
		for {
			from, echo, err := ours.receive(p.heard[:])
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			packets++
			switch {
			case err == nil && from == to.Addr():
				heard = append(heard, echo)
			case !errors.Is(err, errNoEcho):
				t.Errorf("%s: heard %+v from %v: %v", address, echo, from, err)
			}
		}
		if len(heard) != 1 || heard[0] != want || packets != 2 {
			t.Errorf("%s: %d packets and %+v heard, want two and %+v", address, packets, heard, want)
		}
	}
}
