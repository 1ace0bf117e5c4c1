// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// ConnectionSync has every director tell the others of its connections, so that established ones survive a failover: the
// kernel's sync daemons (ipvsadm --start-daemon), of which each director runs the master and the backup at all times. It
// excludes real servers of another address family than their service's: the kernel refuses the two together. A kernel has one
// pair of daemons, so groups that share a director must agree on all of it.
type ConnectionSync struct {
	// syncID keeps the directors' datagrams apart from those of others, 1 to 255: the same on all that share connections. Omitted:
	// that of an older group that shares a director, else the first virtual router's id.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=255
	SyncID *int32 `json:"syncID,omitempty"`
	// interface is the name of the network interface, the same on every director, that carries the datagrams, 1 to 15
	// characters. They are neither encrypted nor authenticated: use a link that only directors are on. Omitted: the group's
	// interface.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[^\s/:]+$`
	Interface string `json:"interface,omitempty"`
	// group is the multicast address of the datagrams, IPv4 (224.0.0.0/4) or IPv6 (ff00::/8); the interface needs an address of the
	// same family. Omitted: 224.0.0.81, the kernel's
	// default.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip.isCanonical(self) && (cidr('224.0.0.0/4').containsIP(self) || cidr('ff00::/8').containsIP(self))",message="must be an IPv4 or IPv6 multicast address in canonical form, for example 224.0.0.81 or ff02::81"
	Group IPAddress `json:"group,omitempty"`
	// port is the UDP port of the datagrams, 1 to 65535; with ipvs.syncPorts the first of several. Omitted: 8848, the kernel's
	// default.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`
	// ttl is how many hops the datagrams may go, 1 to 255: 1 keeps them on the link. Omitted: 1, the kernel's default.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=255
	TTL *int32 `json:"ttl,omitempty"`
	// maxLength is the longest UDP payload in bytes, 1024 to 65487: a backup takes no less than 1024, and IPv6 has no room for
	// more. Omitted: what fits an MTU of 1500 is sent, and what fits the interface's MTU is received.
	// +optional
	// +kubebuilder:validation:Minimum=1024
	// +kubebuilder:validation:Maximum=65487
	MaxLength *int32 `json:"maxLength,omitempty"`
}

// CompiledConnectionSync is what a director's two sync daemons are to be, with every default filled in.
type CompiledConnectionSync struct {
	// syncID, 1 to 255.
	// +required
	SyncID int32 `json:"syncID"`
	// interface is the name of the network interface that carries the datagrams, 1 to 15 characters.
	// +required
	Interface string `json:"interface"`
	// group is the multicast address, IPv4 or IPv6; 224.0.0.81 if the group says nothing.
	// +required
	Group IPAddress `json:"group"`
	// port is the UDP port, 1 to 65535; 8848 if the group says nothing.
	// +required
	Port int32 `json:"port"`
	// ttl is the hop limit, 1 to 255; 1 if the group says nothing.
	// +required
	TTL int32 `json:"ttl"`
	// maxLength is the longest UDP payload in bytes, 1024 to 65487; 0 or absent: the kernel's choice.
	// +optional
	MaxLength int32 `json:"maxLength,omitempty"`
}
