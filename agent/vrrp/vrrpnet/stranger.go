// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// Stranger is a virtual router of others on the link.
type Stranger struct {
	// VRID is its virtual router identifier, 1 to 255.
	VRID uint8
	// IPv6 says that it was heard over IPv6: the ids of the two families are apart.
	IPv6 bool
	// Version is that of its last advertisement, and Source the address it came from.
	Version vrrp.Version
	Source  netip.Addr
	// Heard is when that was.
	Heard time.Time
}

// strangerMemory is how long a virtual router of others is remembered after its last advertisement.
const strangerMemory = time.Minute

// strangers are the virtual routers of others: at most 255 of each family.
type strangers struct {
	mu   sync.Mutex
	byID [2][256]Stranger
}

// hear notes an advertisement of another's virtual router.
func (s *strangers) hear(now time.Time, source netip.Addr, a *vrrp.Advertisement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID[familyIndex(source)][a.VRID] = Stranger{VRID: a.VRID, IPv6: source.Is6(), Version: a.Version, Source: source, Heard: now}
}

func (s *strangers) list() []Stranger {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Stranger
	for _, family := range s.byID {
		for _, one := range family {
			if !one.Heard.IsZero() && time.Since(one.Heard) < strangerMemory {
				list = append(list, one)
			}
		}
	}
	return slices.Clip(list)
}

// familyIndex is 0 for IPv4 and 1 for IPv6.
func familyIndex(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}
