// SPDX-License-Identifier: Apache-2.0

// Package tutorial plays the classic LVS tutorial (a pair of directors, two real servers, one virtual IP) on a real kernel
// with the real agent, and checks each step. It runs on the machine whose kernel has IPVS; it installs nothing.
package tutorial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lvs-operator/lvs-operator/test/lab"
)

// What the tutorial configures; config/samples/tutorial says the same.
const (
	vip      = "192.168.1.200"
	target   = vip + ":8080"
	interval = time.Second

	checkInterval = 6 * time.Second
	checkTimeout  = 10 * time.Second
	checkDelay    = 3 * time.Second
	checkRetries  = 3
)

// takeOverBound is how long the virtual IP may be silent when the Active director (priority 100) dies: the Backup's (priority
// 99) Active_Down_Interval of RFC 3768 section 6.1, and half a second for everything else.
const takeOverBound = 3*interval + (256-99)*time.Second/256 + 500*time.Millisecond

// removalBound is how long a dead real server that refuses connections may stay in the directors' tables.
const removalBound = checkInterval + checkRetries*(checkTimeout+checkDelay)

// step is one section of the tutorial.
type step struct {
	title string
	play  func(context.Context, *scene) error
}

func steps() []step {
	return []step{
		{"2, 3  Configure: kubectl apply -f config/samples/tutorial", configure},
		{"2     The real servers' set-up", realServersSetUp},
		{"3     The password stays in its Secret", passwordStaysSecret},
		{"4.1   The spread over both real servers, weights 3:3", evenSpread},
		{"4.1   The spread at weights 3:1", unevenSpread},
		{"4.2   A real server stops", realServerStops},
		{"4.2   The real server is back", realServerReturns},
		{"4.3   The Active director dies: kill -9 and link down", directorDies},
		{"4.3   The director is back and takes its role again", directorReturns},
		{"5     The agent is killed and started again; the kernel goes on", agentRestarts},
		{"6     The API server stops; a real server and the Active director die meanwhile", noAPIServer},
		{"6     The API server is back", apiServerReturns},
	}
}

// Play sets the scene and plays every step. The first step that does not hold ends it.
func Play(ctx context.Context, setup lab.Setup, out io.Writer) (err error) {
	n := &narrator{out: out}
	s, err := newScene(ctx, setup, n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	err = s.playAll(ctx)
	if !setup.Keep {
		return err
	}
	failure := ""
	if err != nil {
		failure = err.Error()
	}
	if told := s.control.Finished(ctx, failure); told != nil {
		return errors.Join(err, told)
	}
	<-ctx.Done()
	return err
}

func (s *scene) playAll(ctx context.Context) error {
	began := time.Now()
	for _, step := range steps() {
		s.title(step.title)
		if err := step.play(ctx, s); err != nil {
			s.diagnose(ctx)
			return fmt.Errorf("step %q: %w", step.title, err)
		}
	}
	s.print("\nAll %d steps hold, in %.0f s.", len(steps()), time.Since(began).Seconds())
	return nil
}
