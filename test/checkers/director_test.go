// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/health/probe"
)

// asDirector is the argument that makes this program the director's part of the tests. It is a process of its own, on the director's host: the
// checks of an agent are made by many goroutines, and each has to be there.
const asDirector = "director"

// verdict is what the director says of a target.
type verdict struct {
	Target health.Target
	Status health.Status
}

// runDirector checks the targets that it reads until it is ended, and writes a verdict when a check has changed what is known of one. It
// returns an exit code.
func runDirector() int {
	if err := watch(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func watch() error {
	var targets []health.Target
	if err := json.NewDecoder(os.Stdin).Decode(&targets); err != nil {
		return fmt.Errorf("read the targets: %w", err)
	}
	prober, err := probe.New()
	if err != nil {
		return err
	}
	defer prober.Close()
	changed := make(chan struct{}, 1)
	m := monitor.New(monitor.Options{Prober: prober, MaxConcurrent: probe.MostConcurrent(), OnChange: func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}})
	defer m.Close()
	add := map[health.Target]monitor.Initial{}
	for _, t := range targets {
		add[t] = monitor.StartDown
	}
	m.Update(add, nil)
	out := json.NewEncoder(os.Stdout)
	for range changed {
		for _, t := range m.TakeChanged() {
			status, _ := m.State(t)
			if err := out.Encode(verdict{t, status}); err != nil {
				return err
			}
		}
	}
	return nil
}
