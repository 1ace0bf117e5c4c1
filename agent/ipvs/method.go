// SPDX-License-Identifier: Apache-2.0

package ipvs

import "fmt"

// Method is how the director hands a packet to a real server, with the kernel's numbers (IP_VS_CONN_F_* under
// IP_VS_CONN_F_FWD_MASK in linux/ip_vs.h).
type Method uint8

// Forwarding methods that a destination of ours can have.
const (
	// Masquerade is LVS/NAT: addresses and ports are rewritten, both ways.
	Masquerade Method = 0
	// Tunnelling is LVS/TUN: the packet travels inside another (IP_VS_CONN_F_TUNNEL), wrapped as Tunnel says.
	Tunnelling Method = 2
	// DirectRoute is LVS/DR: only the destination MAC address is rewritten.
	DirectRoute Method = 3
)

// methods holds each method's name and ipvsadm option.
var methods = map[Method]struct{ name, option string }{
	Masquerade:  {"Masquerade", "-m"},
	Tunnelling:  {"Tunnel", "-i"},
	DirectRoute: {"DirectRoute", "-g"},
}

// String is the method's name, and the kernel's number for a method that is not one of ours.
func (m Method) String() string {
	if known, ok := methods[m]; ok {
		return known.name
	}
	return fmt.Sprintf("method %d", uint8(m))
}

// Valid says whether the method is one that a destination of ours can have.
func (m Method) Valid() bool {
	_, ok := methods[m]
	return ok
}

// option is ipvsadm's option for the method. Like ipvsadm's, it takes any other method for direct routing.
func (m Method) option() string {
	if known, ok := methods[m]; ok {
		return known.option
	}
	return methods[DirectRoute].option
}

// MarshalText writes the method's name; a method that is not one of ours is an error.
func (m Method) MarshalText() ([]byte, error) {
	if known, ok := methods[m]; ok {
		return []byte(known.name), nil
	}
	return nil, fmt.Errorf("forwarding %s: must be Masquerade, Tunnel or DirectRoute", m)
}

// UnmarshalText reads what MarshalText writes.
func (m *Method) UnmarshalText(text []byte) error {
	for method, known := range methods {
		if known.name == string(text) {
			*m = method
			return nil
		}
	}
	return fmt.Errorf("forwarding method %q: must be Masquerade, Tunnel or DirectRoute", text)
}
