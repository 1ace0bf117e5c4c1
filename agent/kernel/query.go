// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// Query says what Read reads besides addresses.
type Query struct {
	// Sysctls are the names, in dotted form, of the settings that are read. One that this kernel has not is left out of the
	// answer.
	Sysctls []string
	// Links asks for our links with virtual MAC addresses, and for links of others with one of LinkNames; else they are taken for
	// absent, and addresses on ours for what their own marks say.
	Links     bool
	LinkNames []string
	// IPVS asks for the time-outs of IPVS, which stay 0 in a kernel without it. A node that is no director needs no ip_vs.
	IPVS bool
	// Daemons asks for the sync daemons of IPVS. A node that has nothing to do with them needs no ip_vs.
	Daemons bool
	// Marks asks for our nftables table and our policy routes; else they are taken for absent. Asking makes a kernel that may
	// load modules load nf_tables by itself: a node that has nothing to do with marks needs none.
	Marks bool
	// Closed asks for the virtual IPs that our nftables table closes; else they are taken for none. Asking loads nf_tables as for Marks.
	Closed bool
	// Modules are the names of kernel modules; those that are loaded or built in are in the answer.
	Modules []string
}

// Failure is an operation that the kernel refused.
type Failure struct {
	// Operation is what was refused.
	Operation plan.Operation
	// Err says what was attempted, on what, what the kernel answered, and what to do about it.
	Err error
}
