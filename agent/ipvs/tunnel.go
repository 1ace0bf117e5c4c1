// SPDX-License-Identifier: Apache-2.0

package ipvs

import "fmt"

// TunnelType is how the method Tunnel wraps a packet (IP_VS_CONN_F_TUNNEL_TYPE_* of linux/ip_vs.h).
type TunnelType uint8

// Types of tunnels.
const (
	// IPIP is IP in IP (RFC 2003).
	IPIP TunnelType = 0
	// GUE is generic UDP encapsulation (draft-ietf-intarea-gue), since Linux 5.2. It needs a port.
	GUE TunnelType = 1
	// GRE is generic routing encapsulation (RFC 2784), since Linux 5.3.
	GRE TunnelType = 2
)

// String is the type as ipvsadm writes it: ipip, gue or gre, and the number for any other.
func (t TunnelType) String() string {
	switch t {
	case IPIP:
		return "ipip"
	case GUE:
		return "gue"
	case GRE:
		return "gre"
	default:
		return fmt.Sprintf("tunnel type %d", uint8(t))
	}
}

// TunnelFlags say what checksum a tunnel's outer header carries (IP_VS_TUNNEL_ENCAP_FLAG_* of linux/ip_vs.h).
type TunnelFlags uint16

// Flags of GUE and GRE tunnels. None: no checksum.
const (
	// TunnelChecksum fills the outer header's checksum in.
	TunnelChecksum TunnelFlags = 1
	// TunnelRemoteChecksum is remote checksum offload, GUE only.
	TunnelRemoteChecksum TunnelFlags = 2
)

// Tunnel is how packets to one destination are wrapped. The zero Tunnel is IP in IP, the kernel's default; a destination
// whose method is not Tunnel has it.
type Tunnel struct {
	Type TunnelType `json:"type,omitempty"`
	// Port is the real server's UDP port for GUE, 1 to 65535; 0 with any other type.
	Port  uint16      `json:"port,omitempty"`
	Flags TunnelFlags `json:"flags,omitempty"`
}

// String is ipvsadm's options, for example --tun-type gue --tun-port 6080 --tun-nocsum.
func (t Tunnel) String() string {
	options := "--tun-type " + t.Type.String()
	if t.Type == GUE {
		options += fmt.Sprintf(" --tun-port %d", t.Port)
	}
	if t.Type == IPIP {
		return options
	}
	switch {
	case t.Flags&TunnelRemoteChecksum != 0:
		return options + " --tun-remcsum"
	case t.Flags&TunnelChecksum != 0:
		return options + " --tun-csum"
	default:
		return options + " --tun-nocsum"
	}
}
