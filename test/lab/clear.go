// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// clearBound is how long the manager has to delete what it made of objects that are gone.
const clearBound = 30 * time.Second

// clear deletes what a story's user wrote, and its nodes, waits until the manager has deleted what it made of them, and deletes the events.
// Namespaces stay: no controller of Kubernetes' own runs here that could end one.
func (l *Lab) clear(ctx context.Context) error {
	for _, args := range [][]string{
		{"delete", "lvsvirtualservices,realserverpools", "--all", "--all-namespaces"},
		{"delete", "directorgroups,nodes", "--all"},
	} {
		if _, err := l.cp.Kubectl(ctx, args...); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, clearBound)
	defer cancel()
	for {
		left, err := l.cp.Kubectl(ctx, "get", "nodestates,serviceslices,realserverslices", "-o", "name")
		if err != nil {
			return err
		}
		if len(left) == 0 {
			_, err := l.cp.Kubectl(ctx, "delete", "events.events.k8s.io", "--all", "--all-namespaces")
			return err
		}
		wait(ctx, 200*time.Millisecond)
		if ctx.Err() != nil {
			return fmt.Errorf("the manager has not deleted %s within %s; see its log", strings.Fields(string(left)), clearBound)
		}
	}
}
