// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// Node is what compile needs to know of a Node.
type Node struct {
	// Name of the Node.
	Name string
	// Labels of the Node, which director groups select.
	Labels map[string]string
	// InternalIPs are the Node's addresses of type InternalIP, by which it is recognised as a real server.
	InternalIPs []string
	// Leaving is why the Node's director hands over: see [Leaving]. Empty: it does not.
	Leaving string
}

// Leaving is why a Node's director hands its virtual IPs over: it is cordoned, as before a drain, or annotated. Empty: it stays.
func Leaving(unschedulable bool, annotations map[string]string) string {
	switch {
	case annotations[v1alpha1.HandOverAnnotation] == "true":
		return v1alpha1.LoweredHandOver
	case unschedulable:
		return v1alpha1.LoweredUnschedulable
	default:
		return ""
	}
}

// Snapshot is the world as one director group's compilation sees it. Nothing in it is changed, and the order of every
// list is without meaning.
type Snapshot struct {
	// Group is the name of the director group to compile; it must be in Groups.
	Group string
	// Groups are all director groups: an older one with the same virtual router id on a shared node goes first. Their statuses say
	// what was allocated to them.
	Groups []*v1alpha1.DirectorGroup
	// Nodes are all nodes.
	Nodes []Node
	// Namespaces are the labels of all namespaces, by name. An absent one has no labels.
	Namespaces map[string]map[string]string
	// Services are the virtual services of all groups: an older one with the same address goes first.
	Services []*v1alpha1.VirtualService
	// Pools are the real server pools that Services name.
	Pools []*v1alpha1.RealServerPool
	// ServiceSlices are the group's slices as they stand, from which placement follows. Those of other groups are ignored.
	ServiceSlices []*v1alpha1.ServiceSlice
	// RealServerSlices are the group's slices as they stand. Those of other groups are ignored.
	RealServerSlices []*v1alpha1.RealServerSlice
	// NodeStates are all nodes' states as they stand: from them comes back what a group's status has lost, and on which virtual router
	// an address stays.
	NodeStates []*v1alpha1.NodeState
	// Previous are the Nodes of the group's compilation before; nil: not known, as after a start.
	Previous map[string]NodePart
}

// Result is what one director group's directors and real servers have to do. Every list is sorted.
type Result struct {
	// Group is what was found of the director group itself.
	Group Verdict
	// Services is what was found of each virtual service that names the group.
	Services map[types.NamespacedName]Verdict
	// Directors are the names of the nodes that the group selects. They are listed for a refused group too.
	Directors []string
	// VirtualRouterIDs are the group's, in the order of its virtual routers. Those of a group that is carried out have to be written
	// into its status before anything else, and so have Places: what was allocated must not move.
	VirtualRouterIDs []int32
	// Places are the directors by place; empty with one virtual router.
	Places []string
	// RealServerSlices are all slices that the group's pools need; others of the group have to go.
	RealServerSlices []v1alpha1.RealServerSlice
	// ServiceSlices are all slices that the group's services need; others of the group have to go.
	ServiceSlices []v1alpha1.ServiceSlice
	// Nodes is the group's part in each node's state, by the node's name.
	Nodes map[string]NodePart
}

// Verdict is what was found of one object.
type Verdict struct {
	// Generation is the metadata.generation that was judged.
	Generation int64
	// Findings are why the object is not carried out. None: it is.
	Findings []Finding
	// Addresses are the virtual IPs that VRRP carries for a virtual service that is carried out, sorted.
	Addresses []v1alpha1.IPAddress
}

// OK says whether the object is carried out.
func (v Verdict) OK() bool { return len(v.Findings) == 0 }

// Finding is one reason why an object is not carried out.
type Finding struct {
	// Condition is the type of the condition that is False by this, for example [v1alpha1.ConditionAccepted].
	Condition string
	// Reason is the condition's reason, for example [v1alpha1.ReasonConflict].
	Reason string
	// Message says what is wrong and what to do.
	Message string
}
