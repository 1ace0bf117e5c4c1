// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint"
	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// memory is what the loop keeps from pass to pass.
type memory struct {
	// seen is the version of the API server's view that is in desired; nil: none.
	seen *uint64
	// known says that desired is what this node has to do: from the API server, or from the checkpoint.
	known   bool
	desired desired.State
	// generation of the NodeState in desired; 0: desired is from the checkpoint.
	generation int64
	// uid of that NodeState.
	uid types.UID
	// applied is what was last brought to the kernel and read back.
	applied applied
	// firstSeen is when each director group became part of desired.
	firstSeen map[string]time.Time
	// refused are the messages of what the kernel refused in the last pass.
	refused map[string]bool
	// incompleteSince is since when the API server answers and the view is incomplete; zero: it is complete.
	incompleteSince time.Time
	// warned says that it was logged.
	warned bool
	// unusable are the problems of the view itself.
	unusable []v1alpha1.Problem
	// found are the sysctls' values before our first write.
	found map[string]string
	// releasing are networks that were ours and in which services of ours may be left.
	releasing []netip.Prefix
	// last is what the previous pass wanted, if it left nothing undone: a difference from it that the kernel shows
	// nevertheless is somebody else's doing.
	last *plan.In
}

// applied are generations that are in the kernel.
type applied struct {
	// generation of the NodeState.
	generation int64
	// slices are, by director group and a slice's name, the slice's generation.
	slices map[string]map[string]int64
}

// recall takes over what an earlier agent on this node knew. Without a checkpoint the agent waits for the API server.
func (a *Agent) recall(store *checkpoint.Store) {
	c, err := store.Load()
	switch {
	case errors.Is(err, checkpoint.ErrAbsent):
		a.log.Info("no checkpoint: waiting for the API server")
		return
	case err != nil:
		a.log.Error("the checkpoint cannot be used: waiting for the API server", "error", err)
		return
	}
	a.known, a.desired, a.found = true, c.State, c.Found
	a.releasing = difference(c.Owned, c.State.Owned())
	a.noteGroups()
	a.log.Info("serving from the checkpoint until the API server has been seen", "directorGroups", len(c.State.Groups))
}

// remember writes the checkpoint before the kernel is changed: once a sysctl is overwritten nobody else knows what it was. A
// disk that refuses is a problem to report and none to stop for.
func (a *Agent) remember(in plan.In, operations []plan.Operation) []v1alpha1.Problem {
	found := maps.Clone(a.found)
	if found == nil {
		found = map[string]string{}
	}
	for _, name := range plan.Restored(in) {
		delete(found, name)
	}
	maps.Copy(found, plan.NewlyFound(in, operations))
	a.found = found
	err := a.checkpoints.Save(checkpoint.Checkpoint{State: a.desired, Passwords: a.desired.Passwords(), Found: found, Owned: in.Owned})
	if err != nil {
		return []v1alpha1.Problem{problem(v1alpha1.ProblemCheckpoint, "", "", fmt.Errorf("%w; until this is mended the agent cannot start without the API server", err))}
	}
	return nil
}
