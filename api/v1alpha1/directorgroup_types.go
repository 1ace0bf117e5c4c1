// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DirectorGroup names the nodes that are directors together: they run the same virtual services, and by VRRP exactly one
// of them, the Active, holds the virtual IPs. With several virtual routers each of these has an Active director of its own.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=dg,categories=lvs
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name of a DirectorGroup has at most 63 characters: it is the value of a label on its slices"
// +kubebuilder:printcolumn:name="Interface",type=string,JSONPath=`.spec.interface`
// +kubebuilder:printcolumn:name="Router-ID",type=integer,JSONPath=`.status.virtualRouterIDs[0]`
// +kubebuilder:printcolumn:name="Router-IDs",type=string,JSONPath=`.status.virtualRouterIDs`,priority=1
// +kubebuilder:printcolumn:name="Active",type=string,JSONPath=`.status.active`
// +kubebuilder:printcolumn:name="Directors",type=integer,JSONPath=`.status.directorCount`
// +kubebuilder:printcolumn:name="Services",type=integer,JSONPath=`.status.services`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type DirectorGroup struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says which nodes are directors, and how they hold the virtual IPs.
	// +required
	Spec DirectorGroupSpec `json:"spec"`
	// status says which director is Active, and what is wrong, if anything. Written by the controller.
	// +optional
	Status DirectorGroupStatus `json:"status,omitempty"`
}

// DirectorGroupSpec is what the user wants of a group of directors.
//
// +kubebuilder:validation:XValidation:rule="!has(self.connectionSync) || !has(self.ipvs) || !has(self.ipvs.backupOnly) || !self.ipvs.backupOnly",message="ipvs.backupOnly excludes connectionSync, whose directors receive each other's connections at all times: none would balance anything"
// +kubebuilder:validation:XValidation:rule="!has(self.gatewayAddresses) || self.vrrp.virtualRouters == 1",message="gatewayAddresses need vrrp.virtualRouters: 1; of several virtual routers one has the gateway, and behind NAT the answers for all others go there"
// +kubebuilder:validation:XValidation:rule="!has(self.probeMarks) || !has(self.markPools) || self.markPools.all(p, p.last < self.probeMarks.first || p.first > self.probeMarks.last)",message="probeMarks must not overlap markPools: no virtual service may use a mark of a health check"
type DirectorGroupSpec struct {
	// nodeSelector selects the nodes that are directors of this group. A node may be a director of several groups.
	// +required
	NodeSelector metav1.LabelSelector `json:"nodeSelector"`

	// interface is the name of the network interface, the same on every director, on which VRRP runs and which carries the
	// virtual IPs; for example eth0. 1 to 15 characters, as the kernel's IFNAMSIZ demands.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[^\s/:]+$`
	Interface string `json:"interface"`

	// vrrp is how the directors elect the Active one.
	// +required
	VRRP VRRP `json:"vrrp"`

	// addressPools are the addresses that this group's virtual services may use. They also are the boundary of what the
	// agents own: an IPVS service by an address outside every pool is never touched.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	AddressPools []AddressPool `json:"addressPools"`

	// markPools are the firewall marks that this group's virtual services may use. They also are the boundary of what the agents
	// own: an IPVS service by a mark outside every pool is never touched.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	MarkPools []MarkPool `json:"markPools,omitempty"`

	// probeMarks are firewall marks by which the directors send health checks through IPVS, for pools whose healthCheck has via: VirtualIP;
	// absent: no pool of this group's services may have that. Each real server that is checked so takes one, and has an IPVS service by
	// it, with itself alone. While there are some, net.ipv4.conf.all.accept_local is 1 on the directors.
	// +optional
	ProbeMarks *ProbeMarks `json:"probeMarks,omitempty"`

	// gatewayAddresses are virtual IPs that the Active director carries beside those of services: what real servers behind NAT have as
	// their default gateway, so that their answers come to the director that has the connection. At most 16, IPv4 or IPv6; each in one
	// DirectorGroup only, and with one virtual router only. They are advertised as all virtual IPs are. keepalived: an address of
	// virtual_ipaddress without a virtual_server.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:XValidation:rule="isIP(self) && ip.isCanonical(self)",message="must be an IP address in canonical form, for example 198.51.100.1"
	GatewayAddresses []IPAddress `json:"gatewayAddresses,omitempty"`

	// ipvs are settings of the directors' whole kernel. Groups that share a director must agree on them.
	// +optional
	IPVS *IPVSSettings `json:"ipvs,omitempty"`

	// connectionSync lets established connections survive a failover. Absent: off.
	// +optional
	ConnectionSync *ConnectionSync `json:"connectionSync,omitempty"`
}

// DirectorGroupList is a list of DirectorGroups.
//
// +kubebuilder:object:root=true
type DirectorGroupList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DirectorGroup `json:"items"`
}
