// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MaxServicesPerSlice is the most compiled services that the controller puts in one ServiceSlice.
const MaxServicesPerSlice = 100

// ServiceSlice holds compiled virtual services of one director group. The controller writes it, agents read it.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,categories=lvs
// +kubebuilder:selectablefield:JSONPath=`.spec.directorGroup`
// +kubebuilder:printcolumn:name="Group",type=string,JSONPath=`.spec.directorGroup`
// +kubebuilder:printcolumn:name="First-Address",type=string,JSONPath=`.spec.services[0].address`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ServiceSlice struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the compiled services.
	// +required
	Spec ServiceSliceSpec `json:"spec"`
}

// ServiceSliceSpec is compiled services of one director group.
type ServiceSliceSpec struct {
	// directorGroup is the name of the DirectorGroup.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a slice belongs to one director group for its life"
	DirectorGroup string `json:"directorGroup"`
	// services are the compiled services, sorted by id; at most 100.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=100
	Services []CompiledService `json:"services,omitempty"`
}

// CompiledService is one IPVS service: one port of one VirtualService.
type CompiledService struct {
	// id is namespace/name/port of the VirtualService and its port's name.
	// +required
	ID string `json:"id"`
	// generation is the metadata.generation of the VirtualService that this was compiled from, 1 or more.
	// +required
	Generation int64 `json:"generation"`
	// address is the virtual IP (VIP), IPv4.
	// +required
	Address IPAddress `json:"address"`
	// port number, 1 to 65535.
	// +required
	Port int32 `json:"port"`
	// protocol is TCP, UDP or SCTP; TCP by default.
	// +required
	Protocol Protocol `json:"protocol"`
	// scheduler is the kernel's name of the IPVS scheduler: rr, wrr, lc, wlc, lblc, lblcr, dh or sh; wlc by default.
	// +required
	Scheduler Scheduler `json:"scheduler"`
	// forwardingMethod of every real server: DirectRouting, Tunnel or NAT; DirectRouting by default.
	// +required
	ForwardingMethod ForwardingMethod `json:"forwardingMethod"`
	// persistenceSeconds is the persistence time-out in seconds, 1 to 2678400 (31 days); 0 or absent: none.
	// +optional
	PersistenceSeconds int32 `json:"persistenceSeconds,omitempty"`
	// pool names the set of RealServerSlices that serve.
	// +required
	Pool PoolSet `json:"pool"`
}

// PoolSet names a complete set of RealServerSlices. An agent applies a service only when it has the whole set.
type PoolSet struct {
	// namespace of the RealServerPool.
	// +required
	Namespace string `json:"namespace"`
	// name of the RealServerPool.
	// +required
	Name string `json:"name"`
	// slices is the number of RealServerSlices in the set; 0: a pool without members.
	// +required
	Slices int32 `json:"slices"`
	// hash identifies the set: a hash of its slices' names. It does not change with a real server's weight, so that such a
	// change is one write.
	// +required
	Hash string `json:"hash"`
}

// ServiceSliceList is a list of ServiceSlices.
//
// +kubebuilder:object:root=true
type ServiceSliceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ServiceSlice `json:"items"`
}
