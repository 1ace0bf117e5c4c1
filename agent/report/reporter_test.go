// SPDX-License-Identifier: Apache-2.0

package report

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

type recorder struct {
	mu    sync.Mutex
	times []time.Duration
	tries int
	began time.Time
	away  bool
}

func (r *recorder) Write(context.Context, v1alpha1.NodeStateStatus) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	if r.away {
		return errors.New("connection refused")
	}
	r.times = append(r.times, time.Since(r.began))
	return nil
}

func (r *recorder) writes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.times)
}

// tried is how many writes were tried.
func (r *recorder) tried() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tries
}

func (r *recorder) set(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
}

func start(t *testing.T) (*recorder, *Reporter) {
	t.Helper()
	w := &recorder{began: time.Now()}
	r := New(w, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go r.Run(ctx)
	return w, r
}

func healthy(n int32) v1alpha1.NodeStateStatus {
	return v1alpha1.NodeStateStatus{Services: 1, DirectorGroups: []v1alpha1.NodeDirectorGroupStatus{{
		Name: "edge", Degraded: []v1alpha1.DegradedService{{Service: "web/tomcat/http", RealServers: 2, Healthy: n}},
	}}}
}

func TestAChangeIsWrittenAtOnceAndTheSameIsNotWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := start(t)
		r.Set(v1alpha1.NodeStateStatus{Services: 1})
		time.Sleep(gather + time.Millisecond)
		if w.writes() != 1 {
			t.Fatalf("%d writes, want 1", w.writes())
		}
		r.Set(v1alpha1.NodeStateStatus{Services: 1})
		time.Sleep(time.Hour)
		if w.writes() != 1 {
			t.Errorf("a status that says nothing new was written: %d writes", w.writes())
		}
	})
}

func TestAHundredFlapsOfARealServerCostAWriteEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := start(t)
		r.Set(healthy(2))
		for i := range 100 {
			time.Sleep(250 * time.Millisecond)
			r.Set(healthy(int32(i % 2)))
		}
		time.Sleep(time.Minute)
		if got := w.writes(); got < 2 || got > 5 {
			t.Errorf("100 flaps in 25 s led to %d writes, want the first, one every %s, and the last", got, healthGap)
		}
	})
}

func TestAnAPIServerThatIsAwayIsAskedAgainUntilItTakesTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := start(t)
		w.set(true)
		r.Set(v1alpha1.NodeStateStatus{Services: 1})
		time.Sleep(5 * time.Minute)
		w.set(false)
		time.Sleep(longestPause + time.Second)
		if w.writes() != 1 {
			t.Errorf("%d writes after the API server came back, want 1", w.writes())
		}
	})
}

func TestARefusalIsTriedAgainWithGrowingPausesHoweverManyReportsCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := start(t)
		w.set(true)
		for i := range 1000 {
			r.Set(v1alpha1.NodeStateStatus{Services: int32(i)})
			time.Sleep(50 * time.Millisecond)
		}
		if w.tries > 12 {
			t.Errorf("%d tries in 50 s, want pauses that grow to %s", w.tries, longestPause)
		}
	})
}

func elected(state v1alpha1.VRRPState, epoch int64) v1alpha1.NodeStateStatus {
	return v1alpha1.NodeStateStatus{DirectorGroups: []v1alpha1.NodeDirectorGroupStatus{{
		Name: "edge", VirtualRouters: []v1alpha1.VirtualRouterStatus{{VirtualRouterID: 66, State: state, Epoch: epoch}},
	}}}
}

func TestAnElectionIsToldWithinASecondOfTheAPIServersComingBack(t *testing.T) {
	for tells, story := range map[string]struct {
		before v1alpha1.NodeStateStatus
		missed time.Duration // how long the API server has been away when the router changes its state
	}{
		"it was away before":                         {elected(v1alpha1.VRRPActive, 1), time.Minute},
		"it goes away at that moment":                {elected(v1alpha1.VRRPBackup, 1), 0},
		"the Active one has been another in between": {elected(v1alpha1.VRRPBackup, 0), time.Minute},
	} {
		t.Run(tells, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := start(t)
				r.Set(story.before)
				time.Sleep(time.Second)
				w.set(true)
				after := story.before.DeepCopy()
				after.Services = 1 // so that it is tried, with pauses that grow
				r.Set(*after)
				time.Sleep(story.missed)
				r.Set(elected(v1alpha1.VRRPBackup, 2))
				time.Sleep(time.Minute)
				w.set(false)
				time.Sleep(electionPause + gather)
				if w.writes() != 2 {
					t.Errorf("%d writes a second after the API server came back, want 2", w.writes())
				}
			})
		})
	}
}

func TestAnElectionWaitsForNoPauseOfAnotherReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := start(t)
		r.Set(elected(v1alpha1.VRRPActive, 1))
		time.Sleep(time.Second)
		w.set(true)
		said := elected(v1alpha1.VRRPActive, 1)
		said.Services = 1
		r.Set(said)
		time.Sleep(time.Minute) // the pauses have grown to the longest
		for before := w.tried(); w.tried() == before; {
			time.Sleep(100 * time.Millisecond) // one of them begins
		}
		w.set(false)
		r.Set(elected(v1alpha1.VRRPBackup, 1))
		time.Sleep(electionPause + gather)
		if w.writes() != 2 {
			t.Errorf("%d writes a second after the election, want 2", w.writes())
		}
	})
}

func TestAStatusThatTheAPIServerForgotIsWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := start(t)
		r.Set(v1alpha1.NodeStateStatus{Services: 1})
		time.Sleep(time.Second)
		r.Forget()
		time.Sleep(time.Second)
		if w.writes() != 2 {
			t.Errorf("%d writes, want 2", w.writes())
		}
	})
}

func TestTheLastWordIsWrittenAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &recorder{began: time.Now()}
		r := New(w, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r.Run(ctx)
		r.Set(v1alpha1.NodeStateStatus{Services: 1})
		if err := r.Flush(t.Context()); err != nil || w.writes() != 1 {
			t.Errorf("flush: %v, %d writes, want 1", err, w.writes())
		}
	})
}
