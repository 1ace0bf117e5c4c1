// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// TunnelOptions say how the forwarding method Tunnel wraps packets. They mean nothing where the method is another.
//
// +kubebuilder:validation:XValidation:rule="(self.type == 'GUE') == has(self.port)",message="type: GUE needs a port, on which the real server unwraps packets; the other types have none"
// +kubebuilder:validation:XValidation:rule="self.checksum == 'None' || self.type != 'IPIP'",message="IPIP has no checksum; leave checksum out, or use type: GUE or GRE"
// +kubebuilder:validation:XValidation:rule="self.checksum != 'Remote' || self.type == 'GUE'",message="checksum: Remote exists for type: GUE only"
type TunnelOptions struct {
	// type is IPIP (IP in IP, RFC 2003; the default), GUE (generic UDP encapsulation, since Linux 5.2) or GRE (generic routing
	// encapsulation, RFC 2784, since Linux 5.3).
	// +optional
	// +kubebuilder:default=IPIP
	// +kubebuilder:validation:Enum=IPIP;GUE;GRE
	Type TunnelType `json:"type,omitempty"`
	// port is the UDP port on which the real server unwraps GUE, 1 to 65535; GUE only, and needed there.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
	// checksum of the outer header: None (default), Outer (filled in; GUE and GRE), or Remote (remote checksum offload; GUE
	// only).
	// +optional
	// +kubebuilder:default=None
	// +kubebuilder:validation:Enum=None;Outer;Remote
	Checksum TunnelChecksum `json:"checksum,omitempty"`
}

// TunnelType is a kind of encapsulation.
type TunnelType string

// Kinds of encapsulation.
const (
	// TunnelIPIP is IP in IP (RFC 2003).
	TunnelIPIP TunnelType = "IPIP"
	// TunnelGUE is generic UDP encapsulation.
	TunnelGUE TunnelType = "GUE"
	// TunnelGRE is generic routing encapsulation (RFC 2784).
	TunnelGRE TunnelType = "GRE"
)

// TunnelChecksum says which checksum a tunnel's outer header carries.
type TunnelChecksum string

// Checksums of a tunnel.
const (
	// ChecksumNone leaves it out.
	ChecksumNone TunnelChecksum = "None"
	// ChecksumOuter fills the outer header's checksum in.
	ChecksumOuter TunnelChecksum = "Outer"
	// ChecksumRemote is remote checksum offload.
	ChecksumRemote TunnelChecksum = "Remote"
)
