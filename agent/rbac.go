// SPDX-License-Identifier: Apache-2.0

package agent

// What an agent may do at the API server; config/rbac/agent_role.yaml is made of it. Secrets it reads in the operator's
// namespace alone.
//
// +kubebuilder:rbac:groups=lvs-operator.io,resources=nodestates,verbs=get;list;watch
// +kubebuilder:rbac:groups=lvs-operator.io,resources=nodestates/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=lvs-operator.io,resources=serviceslices;realserverslices,verbs=get;list;watch
// +kubebuilder:rbac:groups="",namespace=lvs-operator-system,resources=secrets,verbs=get;list;watch
