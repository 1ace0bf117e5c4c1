// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ipvsnet

import (
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// gone is a number that no family has.
const gone = 0x3ff

func open(t *testing.T) *Client {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("make a network namespace: %v (run as root)", err)
	}
	client, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.Ready(); err != nil {
		t.Fatal(err)
	}
	return client
}

func web() ipvs.Service {
	at := ipvs.ServiceKey{Address: netip.MustParseAddr("192.0.2.10"), Port: 80, Protocol: ipvs.TCP}
	return ipvs.Service{Key: at, Scheduler: "rr"}
}

func TestTheFamilyIsLookedUpAgainAfterTheModuleWas(t *testing.T) {
	client := open(t)
	client.family = gone
	if err := client.Change(t.Context(), func(r wire.Request, b []byte) []byte { return r.NewService(b, web()) }); err != nil {
		t.Errorf("write: %v", err)
	}
	client.family = gone
	if service, err := client.Service(web().Key); err != nil || service != web() {
		t.Errorf("read: %+v, %v", service, err)
	}
	client.family = gone
	if services, err := client.Services(); err != nil || len(services) != 1 {
		t.Errorf("list: %+v, %v", services, err)
	}
}

func TestLostAnswersFailTheirOwnMessagesAndNoLaterOnes(t *testing.T) {
	client := open(t)
	// Far less than what the refusals of one send take.
	if err := unix.SetsockoptInt(client.socket.descriptor, unix.SOL_SOCKET, unix.SO_RCVBUF, 0); err != nil {
		t.Fatal(err)
	}
	n := client.socket.batch + 100
	absent, refused, lost := web().Key, 0, 0
	failures := client.Write(t.Context(), n, func(r wire.Request, b []byte, _ int) []byte { return r.DelService(b, absent) })
	for i, failure := range failures {
		switch {
		case failure.Index != i:
			t.Fatalf("failure %d is of %d", i, failure.Index)
		case errors.Is(failure.Err, unix.ESRCH):
			refused++
		case errors.Is(failure.Err, ErrUnanswered) && errors.Is(failure.Err, unix.ENOBUFS):
			lost++
		default:
			t.Fatalf("failure %d: %v", i, failure.Err)
		}
	}
	// What did not go in the send that overflowed went over a new socket, and was refused as it should be.
	if refused <= 100 || lost == 0 || refused+lost != n {
		t.Errorf("%d refused and %d unanswered of %d", refused, lost, n)
	}
	if err := client.Change(t.Context(), func(r wire.Request, b []byte) []byte { return r.NewService(b, web()) }); err != nil {
		t.Errorf("the next write: %v", err)
	}
}

func TestAnAnswerThatDoesNotComeIsGivenUp(t *testing.T) {
	client := open(t)
	timeout := unix.Timeval{Usec: 1000}
	if err := unix.SetsockoptTimeval(client.socket.descriptor, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		t.Fatal(err)
	}
	verdicts := batch{client: client, sequence: 1000, size: 2}
	failures := verdicts.read()
	if len(failures) != 2 || !errors.Is(failures[0].Err, ErrUnanswered) || !strings.Contains(failures[1].Err.Error(), "no answer") {
		t.Errorf("failures %v", failures)
	}
	if client.socket != nil {
		t.Error("the socket is kept, and the answer may still come")
	}
	if _, err := client.Info(); err != nil {
		t.Errorf("the next question: %v", err)
	}
}
