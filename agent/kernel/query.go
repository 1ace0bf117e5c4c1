// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// Query says what Read reads.
type Query struct {
	// Owned are the networks whose IPVS services are read. Destinations cost one request a service, so the services of
	// others are left out. Without any network, IPVS is not asked at all: a node that is no director needs no ip_vs.
	Owned []netip.Prefix
	// Sysctls are the names, in dotted form, of the settings that are read. One that this kernel has not is left out of the
	// answer.
	Sysctls []string
}

// Failure is an operation that the kernel refused.
type Failure struct {
	// Operation is what was refused.
	Operation plan.Operation
	// Err says what was attempted, on what, what the kernel answered, and what to do about it.
	Err error
}
