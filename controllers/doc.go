// SPDX-License-Identifier: Apache-2.0

// Package controllers is the Kubernetes edge of the operator: it gathers objects, has package compile decide, applies the
// slices and NodeStates that compile wants, and has package rollup say what the users' statuses are. It decides nothing
// itself, reads no Secret, and never writes a NodeState's status.
//
// The way of a change: a user's object or a Node changes; [DirectorGroupReconciler] compiles its group and writes
// what was allocated to it into its status, then RealServerSlices, then ServiceSlices; it publishes the plan, by which
// [NodeStateReconciler] writes the NodeStates, virtual IPs last. Agents answer in NodeState.status, by which the status
// reconcilers write the users' conditions.
//
// No object has a finalizer. A deleted VirtualService or RealServerPool is gone from the next compilation. A deleted
// DirectorGroup leaves slices and parts in NodeStates, which are compared with the groups that exist at every start and at
// every change, and taken back: the NodeStates first, so that no director has an address without its services. A finalizer
// would only keep a group from going while the manager is away.
//
// +kubebuilder:rbac:groups="",resources=nodes;namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups=lvs-operator.io,resources=directorgroups;realserverpools;lvsvirtualservices,verbs=get;list;watch
// +kubebuilder:rbac:groups=lvs-operator.io,resources=directorgroups/status;realserverpools/status;lvsvirtualservices/status,verbs=get;patch
// +kubebuilder:rbac:groups=lvs-operator.io,resources=nodestates;serviceslices;realserverslices,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=lvs-operator-system,resources=leases,verbs=get;create;update
// +kubebuilder:rbac:groups="",namespace=lvs-operator-system,resources=events,verbs=create;patch
package controllers
