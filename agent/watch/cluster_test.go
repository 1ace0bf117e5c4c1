// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	cachetest "k8s.io/client-go/tools/cache/testing"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// cluster is an API server in memory, the watcher of the node "master", and what a reader has made of all Changes.
type cluster struct {
	*Watcher
	t       *testing.T
	ctx     context.Context                            // of all that is followed
	sources map[string]*cachetest.FakeControllerSource // by resource and selector
	calls   atomic.Int64                               // of changed
	known   map[string]int32                           // real server slices, by name, with the weight of their real server
	told    []string                                   // names of the slices of the last Changes, those gone with a minus
	last    Changes
}

// serve tells a story in a bubble of time.
func serve(t *testing.T, story func(*cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		c := &cluster{t: t, ctx: ctx, sources: map[string]*cachetest.FakeControllerSource{}, known: map[string]int32{}}
		c.Watcher = New(Clients{}, "master", "lvs-operator-system", func() { c.calls.Add(1) })
		c.source = func(resource, _ string, selector fields.Selector) cache.ListerWatcher {
			if selector.String() == "spec.directorGroup=silent" {
				return silent()
			}
			return c.of(resource, selector.String())
		}
		c.Start(ctx)
		story(c)
		stop()
		synctest.Wait()
		for _, source := range c.sources {
			source.Shutdown()
		}
	})
}

func (c *cluster) of(resource, selector string) *cachetest.FakeControllerSource {
	key := resource + "?" + selector
	if c.sources[key] == nil {
		c.sources[key] = cachetest.NewFakeControllerSource()
	}
	return c.sources[key]
}

// silent is an API server that never answers.
func silent() cache.ListerWatcher {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, _ metav1.ListOptions) (runtime.Object, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		WatchFuncWithContext: func(ctx context.Context, _ metav1.ListOptions) (apiwatch.Interface, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
}

func (c *cluster) slicesOf(group string) *cachetest.FakeControllerSource {
	return c.of(realServerSlices, "spec.directorGroup="+group)
}

func (c *cluster) nodeStates() *cachetest.FakeControllerSource {
	return c.of(nodeStates, "metadata.name=master")
}

// settle lets the informers do what they have to do, and list again after the pause that follows a lost watch.
func (c *cluster) settle() {
	c.t.Helper()
	<-time.After(10 * time.Second)
	synctest.Wait()
}

// take settles, takes Changes, and plays them on what is known.
func (c *cluster) take() bool {
	c.t.Helper()
	c.settle()
	changes, complete := c.Changes(c.ctx)
	c.told = nil
	if !complete {
		return false
	}
	c.last = changes
	for name, slice := range changes.RealServers {
		if slice == nil {
			delete(c.known, name)
			c.told = append(c.told, "-"+name)
		} else {
			c.known[name] = slice.Spec.RealServers[0].Weight
			c.told = append(c.told, name)
		}
	}
	slices.Sort(c.told)
	return true
}

// expect takes Changes until they are complete, and compares what they told and what is known by then, as "edge-1=3".
func (c *cluster) expect(told, known string) {
	c.t.Helper()
	complete := c.take()
	if !complete {
		complete = c.take() // what the first look began to follow
	}
	if !complete {
		c.t.Fatal("the changes are not complete")
	}
	if got := strings.Join(c.told, " "); got != told {
		c.t.Errorf("told %q, want %q", got, told)
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(c.known)) {
		all = append(all, fmt.Sprintf("%s=%d", name, c.known[name]))
	}
	if got := strings.Join(all, " "); got != known {
		c.t.Errorf("known is %q, want %q", got, known)
	}
}

// slice is a RealServerSlice of one real server, made born seconds after the cluster.
func slice(group, name string, weight int32, born int64) *v1alpha1.RealServerSlice {
	return &v1alpha1.RealServerSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, UID: types.UID(fmt.Sprint(group, name, born)), Generation: int64(weight), CreationTimestamp: metav1.Unix(born, 0),
		},
		Spec: v1alpha1.RealServerSliceSpec{
			DirectorGroup: group, RealServers: []v1alpha1.CompiledRealServer{{Address: "192.0.2.111", Weight: weight}},
		},
	}
}

// directorOf is the NodeState of a director of groups, each with a password in a Secret called as the group.
func directorOf(generation int64, groups ...string) *v1alpha1.NodeState {
	node := &v1alpha1.NodeState{ObjectMeta: metav1.ObjectMeta{Name: "master", UID: "master", Generation: generation}}
	for _, group := range groups {
		node.Spec.DirectorGroups = append(node.Spec.DirectorGroups, v1alpha1.NodeDirectorGroup{
			Name: group,
			VirtualRouters: []v1alpha1.VirtualRouter{{
				Authentication: &v1alpha1.VRRPAuthentication{SecretRef: v1alpha1.SecretReference{Name: group}},
			}},
		})
	}
	return node
}

// password is the Secret of the group edge.
func password(text string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "edge", Namespace: "lvs-operator-system"},
		Data:       map[string][]byte{v1alpha1.PasswordKey: []byte(text), "other": []byte("0ther")},
	}
}
