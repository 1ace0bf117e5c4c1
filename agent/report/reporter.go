// SPDX-License-Identifier: Apache-2.0

// Package report writes a NodeState's status to the API server: only when it says something new, never so often that a real
// server that flaps costs a write a flap, and again and again while the API server is away. It never computes a status.
package report

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// FieldOwner is the agent's name in server-side apply.
const FieldOwner = "lvs-operator-agent"

const (
	// gather is how long a change waits for others to go with it.
	gather = 10 * time.Millisecond
	// healthGap is the least time between two writes that tell of nothing but real servers' health: NodeState.status
	// promises counts at most 30 s old.
	healthGap = 10 * time.Second
	// firstPause and longestPause bound the pauses between tries while the API server refuses or is away.
	firstPause   = 500 * time.Millisecond
	longestPause = 10 * time.Second
	// electionPause is the longest one while the status tells of a virtual router's change of state: when the API server comes back,
	// the reports of both directors that handed a role over meanwhile must come one soon after the other.
	electionPause = time.Second
)

// Writer writes one NodeState's status.
type Writer interface {
	// Write replaces the fields of the status that the agent owns.
	Write(ctx context.Context, status v1alpha1.NodeStateStatus) error
}

// Reporter keeps the API server's copy of a status in step with the newest one that it was given.
type Reporter struct {
	writer Writer
	log    *slog.Logger
	wake   chan struct{}

	mu      sync.Mutex
	newest  *v1alpha1.NodeStateStatus
	written *v1alpha1.NodeStateStatus
	// forgotten says that Forget was called during a write.
	forgotten bool
}

// New makes a reporter.
func New(writer Writer, log *slog.Logger) *Reporter {
	return &Reporter{writer: writer, log: log, wake: make(chan struct{}, 1)}
}

// Set makes status the one to be written. It never blocks; a status that was not written yet is dropped in its favour.
func (r *Reporter) Set(status v1alpha1.NodeStateStatus) {
	r.mu.Lock()
	same := r.newest != nil && equality.Semantic.DeepEqual(r.newest, &status)
	r.newest = &status
	r.mu.Unlock()
	if !same {
		r.kick()
	}
}

// Forget says that the API server may no longer have what was written: the newest status is written again.
func (r *Reporter) Forget() {
	r.mu.Lock()
	r.written, r.forgotten = nil, true
	r.mu.Unlock()
	r.kick()
}

// Flush writes the newest status once more if it is not written yet, and gives up when ctx ends. It is for the end of an
// agent, after Run has returned.
func (r *Reporter) Flush(ctx context.Context) error {
	status, written := r.statuses()
	if status == nil || written != nil && equality.Semantic.DeepEqual(written, status) {
		return nil
	}
	return r.writer.Write(ctx, *status)
}

func (r *Reporter) kick() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends.
func (r *Reporter) Run(ctx context.Context) {
	var last, failed time.Time
	var pause time.Duration // 0: the last try did not fail
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
			status, written := r.statuses()
			timer.Reset(max(gather, time.Until(failed.Add(bounded(pause, written, status)))))
			continue
		case <-timer.C:
		}
		status, written := r.statuses()
		wait, due := due(written, status, last)
		switch {
		case !due:
			continue
		case wait > 0:
			timer.Reset(wait)
			continue
		}
		if err := r.writer.Write(ctx, *status); err != nil {
			if pause == 0 {
				r.log.Warn("the API server did not take this node's status; trying again until it does", "error", err)
			}
			failed, pause = time.Now(), min(max(firstPause, 2*pause), longestPause)
			timer.Reset(bounded(pause, written, status))
			continue
		}
		if pause > 0 {
			r.log.Info("the API server takes this node's status again")
		}
		last, pause = time.Now(), 0
		r.wrote(status)
	}
}

// bounded is the pause before status is tried again.
func bounded(pause time.Duration, written, status *v1alpha1.NodeStateStatus) time.Duration {
	if sameElections(written, status) {
		return pause
	}
	return min(pause, electionPause)
}

// sameElections says whether two statuses have all virtual routers in the same states; nil has none.
func sameElections(a, b *v1alpha1.NodeStateStatus) bool {
	return slices.Equal(electionsOf(a), electionsOf(b))
}

// election is a virtual router's state.
type election struct {
	group string
	id    int32
	state v1alpha1.VRRPState
	epoch int64
}

func electionsOf(status *v1alpha1.NodeStateStatus) []election {
	if status == nil {
		return nil
	}
	var all []election
	for _, group := range status.DirectorGroups {
		for _, r := range group.VirtualRouters {
			all = append(all, election{group.Name, r.VirtualRouterID, r.State, r.Epoch})
		}
	}
	return all
}

func (r *Reporter) wrote(status *v1alpha1.NodeStateStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.forgotten {
		r.written = status
	}
}

// statuses are the newest status and the one that was written last.
func (r *Reporter) statuses() (newest, written *v1alpha1.NodeStateStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgotten = false
	return r.newest, r.written
}

// due says whether status has to be written, and after what wait.
func due(written, status *v1alpha1.NodeStateStatus, last time.Time) (time.Duration, bool) {
	switch {
	case status == nil:
		return 0, false
	case written == nil:
		return 0, true
	case equality.Semantic.DeepEqual(written, status):
		return 0, false
	case equality.Semantic.DeepEqual(withoutHealth(written), withoutHealth(status)):
		return healthGap - time.Since(last), true
	default:
		return 0, true
	}
}

func withoutHealth(status *v1alpha1.NodeStateStatus) *v1alpha1.NodeStateStatus {
	copied := status.DeepCopy()
	for i := range copied.DirectorGroups {
		copied.DirectorGroups[i].Degraded, copied.DirectorGroups[i].WithdrawnAddresses = nil, nil
	}
	return copied
}

// API writes the status of one node's NodeState by server-side apply.
type API struct {
	// Client serves the group lvs-operator.io.
	Client rest.Interface
	// Node is the name of the NodeState.
	Node string
}

// Write implements Writer.
func (a API) Write(ctx context.Context, status v1alpha1.NodeStateStatus) error {
	body, err := json.Marshal(map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(),
		"kind":       "NodeState",
		"metadata":   map[string]any{"name": a.Node},
		"status":     status,
	})
	if err != nil {
		return fmt.Errorf("write the status of NodeState %s: %w", a.Node, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err = a.Client.Patch(types.ApplyPatchType).Resource("nodestates").Name(a.Node).SubResource("status").
		Param("fieldManager", FieldOwner).Param("force", "true").Body(body).Do(ctx).Error()
	if err != nil {
		return fmt.Errorf("write the status of NodeState %s: %w", a.Node, err)
	}
	return nil
}
