// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DirectorGroupStatus is what the controller knows of a group.
type DirectorGroupStatus struct {
	// observedGeneration is the metadata.generation that this status speaks of; 0 or absent: none yet.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// active names the nodes that are Active for at least one of the group's virtual routers, by name and separated by commas. Empty:
	// none is. Several are as it should be where the group has several virtual routers: virtualRouters tells which is Active for
	// which. Two for one virtual router are a split brain, and only then has the condition Ready the reason TwoActives.
	// +optional
	Active string `json:"active,omitempty"`
	// virtualRouters is, a virtual router of the group that has virtual IPs, who is Active for it, by id.
	// +optional
	// +listType=map
	// +listMapKey=virtualRouterID
	// +kubebuilder:validation:MaxItems=255
	VirtualRouters []Election `json:"virtualRouters,omitempty"`
	// directorCount is the number of nodes that the selector matches.
	// +optional
	DirectorCount int32 `json:"directorCount,omitempty"`
	// services is the number of compiled IPVS services: one a port of each accepted virtual service.
	// +optional
	Services int32 `json:"services,omitempty"`
	// virtualRouterIDs are the ids of the group's virtual routers, 1 to 255 each, in the order of the virtual routers. What was allocated
	// stands here, and stays.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	VirtualRouterIDs []int32 `json:"virtualRouterIDs,omitempty"`
	// places are, with several virtual routers, the directors by the place from which their priorities follow, at most 64. A director
	// keeps its place; the place of one that is gone is the next new one's. The 17th has the priorities of the first, and so on.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Places []string `json:"places,omitempty"`
	// directors is one entry a director, by name.
	// +optional
	// +listType=map
	// +listMapKey=node
	// +kubebuilder:validation:MaxItems=64
	Directors []DirectorStatus `json:"directors,omitempty"`
	// conditions are Accepted, ResolvedRefs, Programmed, Ready and Exclusive.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Election is who is Active for one virtual router.
type Election struct {
	// virtualRouterID is the VRID, 1 to 255.
	// +required
	VirtualRouterID int32 `json:"virtualRouterID"`
	// active is the name of the node that is Active. Empty: none; several, separated by commas: a split brain. When a director has just
	// become Active it alone is named, for up to 1.25 s, while the report of the one before is on its way.
	// +optional
	Active string `json:"active,omitempty"`
}

// DirectorRouterStatus is one virtual router of a group on one director, as its agent reports it.
type DirectorRouterStatus struct {
	// virtualRouterID is the VRID, 1 to 255.
	// +required
	VirtualRouterID int32 `json:"virtualRouterID"`
	// family is that of the advertisements: IPv4, or IPv6 where the virtual router has no IPv4 address. Absent until its agent has
	// reported.
	// +optional
	Family AddressFamily `json:"family,omitempty"`
	// state is the VRRP state: Active, Backup or Initialize. Unknown until its agent has reported, and when its node is not ready and
	// another director became Active after it.
	// +optional
	State VRRPState `json:"state,omitempty"`
	// since is when the state was entered, by the node's clock, in whole seconds. Absent with Unknown.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// epoch counts how often the director has become Active for the virtual router since that was started there; see NodeState's
	// status.directorGroups[].virtualRouters[].epoch.
	// +optional
	Epoch int64 `json:"epoch,omitempty"`
}

// DirectorStatus is one director as its agent reports it.
type DirectorStatus struct {
	// node is the name of the Node.
	// +required
	Node string `json:"node"`
	// priority is the highest VRRP priority that the director was given for any of the group's virtual routers, 1 to 254; 0 or absent:
	// none yet.
	// +optional
	Priority int32 `json:"priority,omitempty"`
	// state sums up those of virtualRouters: Active if it is Active for at least one, else Backup if it is that for at least one, else
	// Initialize if it is that for at least one, else Unknown.
	// +optional
	State VRRPState `json:"state,omitempty"`
	// virtualRouters is one entry a virtual router of the group, by id.
	// +optional
	// +listType=map
	// +listMapKey=virtualRouterID
	// +kubebuilder:validation:MaxItems=255
	VirtualRouters []DirectorRouterStatus `json:"virtualRouters,omitempty"`
	// lowered says why the director takes part with a lower priority than the group gives it: Unschedulable or HandOver (priority 1: the
	// Node is cordoned, or has the annotation lvs-operator.io/hand-over: "true"), NotProgrammed, RealServersDown or LinkDown (as NodeState's
	// status.directorGroups[].virtualRouters[].lowered explains). Absent: it does not.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Lowered string `json:"lowered,omitempty"`
}

// VRRPState is a state of RFC 9568's state machine, or Unknown.
//
// +kubebuilder:validation:Enum=Unknown;Initialize;Backup;Active
type VRRPState string

// States of a virtual router on one director.
const (
	// VRRPUnknown is the state of a director that has not reported, or whose report counts no more.
	VRRPUnknown VRRPState = "Unknown"
	// VRRPInitialize is the state of a virtual router that does not run: not started, or its interface is down.
	VRRPInitialize VRRPState = "Initialize"
	// VRRPBackup watches the Active one.
	VRRPBackup VRRPState = "Backup"
	// VRRPActive holds the virtual IPs; keepalived calls it MASTER.
	VRRPActive VRRPState = "Active"
)
