// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

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
		for _, echo := range []check.Echo{others.next(7), others.next(7), want} {
			if err := p.request(&others, to, echo); err != nil {
				t.Fatal(err)
			}
		}
		// The socket hears the request, which is none, as well: the kernel sends it to itself.
		packets, heard := 0, check.Echo{}
		for over := time.Now().Add(10 * time.Second); heard == (check.Echo{}) && time.Now().Before(over); runtime.Gosched() {
			from, echo, err := ours.receive(p.heard[:])
			switch {
			case errors.Is(err, unix.EAGAIN):
				continue
			case err == nil && from == to.Addr():
				heard = echo
			case !errors.Is(err, errNoEcho):
				t.Fatalf("%s: heard %+v from %v: %v", address, echo, from, err)
			}
			packets++
		}
		if heard != want || packets != 2 {
			t.Errorf("%s: %d packets and %+v heard, want two and %+v", address, packets, heard, want)
		}
	}
}
