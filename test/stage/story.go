// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lvs-operator/lvs-operator/test/lab"
)

// Story is a use of the operator that is shown and checked, step by step.
type Story struct {
	// Name as it is given on a command line.
	Name string
	// Packages are the sets of hack/packages.sh that the story's hosts need beside those of the lab.
	Packages []string
	// Set makes the hosts and starts what an administrator starts once. It returns the steps.
	Set func(context.Context, *Stage) ([]Step, error)
	// Try is a command line for a host, for people who go on when the story is over: "client ipvsadm -Ln".
	Try []string
}

// Step is one section of a story.
type Step struct {
	// Title says what is shown.
	Title string
	// Play returns an error as soon as something does not hold.
	Play func(context.Context) error
}

// Play sets the stage and plays every step. The first step that does not hold ends it. With Setup.Keep the hosts and agents go
// on running after the last step, until ctx ends.
func Play(ctx context.Context, setup lab.Setup, story Story, out io.Writer) (err error) {
	s, err := New(setup, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	err = s.play(ctx, story)
	result := lab.Result{Disturbed: errors.Is(err, lab.ErrDisturbed)}
	if err != nil {
		result.Failure = err.Error()
	}
	if told := s.Control.Finished(ctx, result); told != nil {
		return errors.Join(err, told)
	}
	if setup.Keep {
		<-ctx.Done()
	}
	return err
}

func (s *Stage) play(ctx context.Context, story Story) error {
	pulse := startPulse()
	defer pulse.end()
	steps, err := story.Set(ctx, s)
	if err != nil {
		return fmt.Errorf("set the stage: %w", err)
	}
	if err := s.awaitQuiet(ctx, pulse); err != nil {
		return err
	}
	began := time.Now()
	var before Standstill
	for _, step := range steps {
		s.Title(step.Title)
		err := step.Play(ctx)
		still := pulse.take()
		if err != nil {
			s.diagnose(ctx)
			err = fmt.Errorf("step %q: %w", step.Title, err)
			// What a standstill did may also show in the step that follows.
			for _, still := range []Standstill{still, before} {
				if still.Disturbs() {
					return fmt.Errorf("%w; %w: it stood still for %s", err, lab.ErrDisturbed, still)
				}
			}
			return err
		}
		before = still
	}
	s.print("\nAll %d steps hold, in %.0f s.", len(steps), time.Since(began).Seconds())
	return nil
}
