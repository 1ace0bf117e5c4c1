// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the contract between users, the controller and the agents: the six kinds of the API group
// lvs-operator.io. It holds types, defaults and validation markers, and never behaviour.
//
// +kubebuilder:object:generate=true
// +groupName=lvs-operator.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "lvs-operator.io", Version: "v1alpha1"}

// AddToScheme registers the kinds of this package with a scheme. It returns no error.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&DirectorGroup{}, &DirectorGroupList{},
		&RealServerPool{}, &RealServerPoolList{},
		&VirtualService{}, &VirtualServiceList{},
		&NodeState{}, &NodeStateList{},
		&ServiceSlice{}, &ServiceSliceList{},
		&RealServerSlice{}, &RealServerSliceList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
