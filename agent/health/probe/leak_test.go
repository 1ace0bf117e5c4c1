// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"google.golang.org/grpc/credentials/insecure"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// uses is how many goroutines and files this process has.
func uses(t *testing.T) (goroutines, files int) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return runtime.NumGoroutine(), len(open)
}

func TestChecksByLibrariesLeaveNothingBehind(t *testing.T) {
	deaf, resets := listen(t, "127.0.0.1:0").Addr(), resetting(t)
	plain, secure := servePlain(2)(t, http.NotFoundHandler()), serveTLS(t, http.NotFoundHandler())
	healthy := serveGRPC(t, insecure.NewCredentials(), withHealth)
	goroutines, files := uses(t)
	for _, c := range libraryChecks {
		_ = makeOf(t, deaf, 20*time.Millisecond, c)
		_ = makeOf(t, resets, 5*time.Second, c)
		_ = makeOf(t, secure, 5*time.Second, c)
		_ = makeOf(t, plain, 5*time.Second, c)
	}
	if err := makeOf(t, healthy, 5*time.Second, check.GRPC{}); err != nil {
		t.Error(err)
	}
	// Both sides are in this process, and the servers take a moment to see that nobody is there any more.
	for over := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		g, f := uses(t)
		if g <= goroutines && f <= files+len(libraryChecks) { // deaf accepts nobody, and so keeps the connections
			return
		}
		if time.Now().After(over) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines and %d files, before %d and %d\n%s", g, f, goroutines, files, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestConnectionIsClosedUnderALibraryThatDoesNotHeedItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := dial(ctx, target(listen(t, "127.0.0.1:0").Addr(), time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go cancel()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("read something")
	}
}
