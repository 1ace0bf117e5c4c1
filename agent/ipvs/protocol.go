// SPDX-License-Identifier: Apache-2.0

package ipvs

import "fmt"

// Protocol is a transport protocol by its IANA number, as the kernel's ip_vs_service_user.protocol has it.
type Protocol uint8

// Protocols that IPVS balances.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// ParseProtocol reads TCP, UDP or SCTP, in capitals, as the API writes them.
func ParseProtocol(s string) (Protocol, error) {
	for _, p := range []Protocol{TCP, UDP, SCTP} {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, fmt.Errorf("protocol %q: must be TCP, UDP or SCTP", s)
}

// String is TCP, UDP or SCTP, and the number for any other.
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "TCP"
	case UDP:
		return "UDP"
	case SCTP:
		return "SCTP"
	default:
		return fmt.Sprintf("protocol %d", uint8(p))
	}
}

// option is ipvsadm's option for a service of this protocol.
func (p Protocol) option() string {
	switch p {
	case UDP:
		return "-u"
	case SCTP:
		return "--sctp-service"
	default:
		return "-t"
	}
}

// MarshalText writes TCP, UDP or SCTP; any other protocol is an error.
func (p Protocol) MarshalText() ([]byte, error) {
	if _, err := ParseProtocol(p.String()); err != nil {
		return nil, err
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (p *Protocol) UnmarshalText(text []byte) error {
	parsed, err := ParseProtocol(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}
