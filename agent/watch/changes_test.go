// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"maps"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func TestFirstChangesTellEverythingAndLaterOnesWhatChanged(t *testing.T) {
	serve(t, func(c *cluster) {
		c.slicesOf("edge").Add(slice("edge", "edge-1", 3, 0))
		c.slicesOf("edge").Add(slice("edge", "edge-2", 3, 0))
		if c.take() {
			t.Fatal("complete without a NodeState")
		}
		c.nodeStates().Add(directorOf(1, "edge"))
		c.expect("edge-1 edge-2", "edge-1=3 edge-2=3")
		if !c.last.NodeChanged {
			t.Error("the first NodeState is no change")
		}

		c.slicesOf("edge").Modify(slice("edge", "edge-2", 1, 0))
		c.expect("edge-2", "edge-1=3 edge-2=1")
		if c.last.NodeChanged || c.last.Node == nil {
			t.Errorf("a changed slice: node changed %v, node %v", c.last.NodeChanged, c.last.Node)
		}
		c.slicesOf("edge").Delete(slice("edge", "edge-1", 3, 0))
		c.slicesOf("edge").Add(slice("edge", "edge-3", 5, 0))
		c.expect("-edge-1 edge-3", "edge-2=1 edge-3=5")
		c.expect("", "edge-2=1 edge-3=5")
	})
}

func TestServiceSlicesAreToldAsWell(t *testing.T) {
	serve(t, func(c *cluster) {
		source := c.of(serviceSlices, "spec.directorGroup=edge")
		object := &v1alpha1.ServiceSlice{ObjectMeta: metav1.ObjectMeta{Name: "edge-services"}}
		source.Add(object)
		c.nodeStates().Add(directorOf(1, "edge"))
		c.expect("", "")
		if c.last.Services["edge-services"] == nil {
			t.Error("the slice is missing")
		}
		source.Delete(object)
		c.expect("", "")
		if gone, told := c.last.Services["edge-services"]; !told || gone != nil {
			t.Errorf("the end of the slice: %v, told %v", gone, told)
		}
	})
}

func TestOnlyTheNewestOfSeveralChangesIsTold(t *testing.T) {
	serve(t, func(c *cluster) {
		c.nodeStates().Add(directorOf(1, "edge"))
		c.expect("", "")
		c.slicesOf("edge").Add(slice("edge", "edge-1", 1, 0))
		c.slicesOf("edge").Modify(slice("edge", "edge-1", 2, 0))
		c.slicesOf("edge").Add(slice("edge", "brief", 1, 0))
		c.slicesOf("edge").Delete(slice("edge", "brief", 1, 0))
		c.expect("edge-1", "edge-1=2")
		c.slicesOf("edge").Delete(slice("edge", "edge-1", 2, 0))
		c.slicesOf("edge").Add(slice("edge", "edge-1", 7, 1))
		c.expect("edge-1", "edge-1=7")
	})
}

func TestWhatComesAndGoesUntoldIsForgotten(t *testing.T) {
	serve(t, func(c *cluster) {
		c.nodeStates().Add(directorOf(1, "edge"))
		c.expect("", "")
		c.slicesOf("edge").Add(slice("edge", "brief", 1, 0))
		c.settle()
		c.slicesOf("edge").Delete(slice("edge", "brief", 1, 0))
		c.settle()
		if left := c.groups["edge"].realServers.pending; len(left) != 0 {
			t.Errorf("still remembered: %v", left)
		}
	})
}

func TestGroupThatTheNodeLeftTakesItsSlicesAlong(t *testing.T) {
	serve(t, func(c *cluster) {
		c.slicesOf("edge").Add(slice("edge", "edge-1", 3, 0))
		c.slicesOf("core").Add(slice("core", "core-1", 3, 0))
		c.nodeStates().Add(directorOf(1, "edge", "core"))
		c.expect("core-1 edge-1", "core-1=3 edge-1=3")
		c.nodeStates().Modify(directorOf(2, "core"))
		c.expect("-edge-1", "core-1=3")
		if !c.last.NodeChanged {
			t.Error("a group less is no change of the node")
		}
		c.nodeStates().Modify(directorOf(3, "core", "edge"))
		c.expect("edge-1", "core-1=3 edge-1=3")
	})
}

func TestGroupLeftAndJoinedAgainBetweenTwoLooksLosesNothing(t *testing.T) {
	serve(t, func(c *cluster) {
		c.slicesOf("edge").Add(slice("edge", "edge-1", 3, 0))
		c.slicesOf("edge").Add(slice("edge", "edge-2", 3, 0))
		c.nodeStates().Add(directorOf(1, "edge"))
		c.expect("edge-1 edge-2", "edge-1=3 edge-2=3")

		c.nodeStates().Modify(directorOf(2, "silent"))
		if c.take() {
			t.Fatal("complete without the list of a group")
		}
		c.slicesOf("edge").Delete(slice("edge", "edge-2", 3, 0))
		c.nodeStates().Modify(directorOf(3, "edge"))
		c.expect("-edge-2 edge-1", "edge-1=3")
	})
}

func TestWhatChangedWhileIncompleteIsKept(t *testing.T) {
	serve(t, func(c *cluster) {
		c.slicesOf("edge").Add(slice("edge", "edge-1", 3, 0))
		c.nodeStates().Add(directorOf(1, "edge"))
		c.expect("edge-1", "edge-1=3")
		c.nodeStates().Delete(directorOf(1, "edge"))
		c.slicesOf("edge").Modify(slice("edge", "edge-1", 4, 0))
		if c.take() {
			t.Fatal("a NodeState that is gone says something")
		}
		c.nodeStates().Add(directorOf(1, "edge"))
		c.expect("edge-1", "edge-1=4")
	})
}

func TestSliceThatMovedToAnotherGroupIsNotLost(t *testing.T) {
	for name, move := range map[string]func(c *cluster){
		"both seen at once": func(c *cluster) {
			c.slicesOf("edge").Delete(slice("edge", "moved", 1, 0))
			c.slicesOf("core").Add(slice("core", "moved", 2, 9))
			c.expect("moved", "moved=2")
		},
		"its end seen first": func(c *cluster) {
			c.slicesOf("edge").Delete(slice("edge", "moved", 1, 0))
			c.expect("-moved", "")
			c.slicesOf("core").Add(slice("core", "moved", 2, 9))
			c.expect("moved", "moved=2")
		},
		"its end seen last": func(c *cluster) {
			c.slicesOf("core").Add(slice("core", "moved", 2, 9))
			c.expect("moved", "moved=2")
			c.slicesOf("edge").Modify(slice("edge", "moved", 5, 0))
			c.expect("moved", "moved=2")
			c.slicesOf("edge").Delete(slice("edge", "moved", 5, 0))
			c.expect("moved", "moved=2")
		},
	} {
		t.Run(name, func(t *testing.T) {
			serve(t, func(c *cluster) {
				c.slicesOf("edge").Add(slice("edge", "moved", 1, 0))
				c.nodeStates().Add(directorOf(1, "edge", "core"))
				c.expect("moved", "moved=1")
				move(c)
				c.slicesOf("core").Delete(slice("core", "moved", 2, 9))
				c.expect("-moved", "")
			})
		})
	}
}

func TestWatchThatIsListedAgainLosesNothingAndRepeatsNothing(t *testing.T) {
	serve(t, func(c *cluster) {
		edge := c.slicesOf("edge")
		for _, name := range []string{"edge-1", "edge-2", "edge-3"} {
			edge.Add(slice("edge", name, 3, 0))
		}
		c.nodeStates().Add(directorOf(1, "edge"))
		c.expect("edge-1 edge-2 edge-3", "edge-1=3 edge-2=3 edge-3=3")
		edge.ModifyDropWatch(slice("edge", "edge-1", 1, 0))
		edge.DeleteDropWatch(slice("edge", "edge-2", 3, 0))
		edge.AddDropWatch(slice("edge", "edge-4", 4, 0))
		c.expect("", "edge-1=3 edge-2=3 edge-3=3")
		edge.ResetWatch()
		c.expect("-edge-2 edge-1 edge-4", "edge-1=1 edge-3=3 edge-4=4")
	})
}

func TestPasswordsAreOfTheNode(t *testing.T) {
	serve(t, func(c *cluster) {
		secret := c.of(secrets, "metadata.name=edge")
		c.nodeStates().Add(directorOf(1, "edge"))
		expect := func(changed bool, want map[string]string) {
			t.Helper()
			c.expect("", "")
			if c.last.NodeChanged != changed || !maps.Equal(c.last.Passwords, want) {
				t.Errorf("passwords %v, changed %v; want %v, %v", c.last.Passwords, c.last.NodeChanged, want, changed)
			}
		}
		expect(true, map[string]string{})
		secret.Add(password("hunter2"))
		expect(true, map[string]string{"edge": "hunter2"})
		secret.Modify(password("hunter3"))
		expect(true, map[string]string{"edge": "hunter3"})
		expect(false, map[string]string{"edge": "hunter3"})
		secret.Delete(password("hunter3"))
		expect(true, map[string]string{})
		c.nodeStates().Modify(directorOf(2))
		expect(true, map[string]string{})
		if len(c.secrets) != 0 {
			t.Error("a Secret is followed that nothing names")
		}
	})
}

func TestOwnStatusAndRepetitionsAreNoChange(t *testing.T) {
	serve(t, func(c *cluster) {
		c.slicesOf("edge").Add(slice("edge", "edge-1", 3, 0))
		c.nodeStates().Add(directorOf(1, "edge"))
		c.expect("edge-1", "edge-1=3")
		calls := c.calls.Load()

		reported := directorOf(1, "edge")
		reported.Status.Services = 7
		c.nodeStates().Modify(reported)
		labelled := slice("edge", "edge-1", 3, 0)
		labelled.Labels = map[string]string{"colour": "blue"}
		c.slicesOf("edge").Modify(labelled)
		c.slicesOf("edge").ResetWatch()
		c.settle()
		if c.calls.Load() != calls {
			t.Errorf("%d calls for nothing", c.calls.Load()-calls)
		}
		c.expect("", "edge-1=3")
		if c.last.NodeChanged {
			t.Error("a status is a change of the node")
		}
		c.nodeStates().Modify(directorOf(2, "edge"))
		c.settle()
		if c.calls.Load() == calls {
			t.Error("a changed spec calls nobody")
		}
	})
}
