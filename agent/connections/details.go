// SPDX-License-Identifier: Apache-2.0

package connections

import "github.com/lvs-operator/lvs-operator/agent/ipvs"

// Details are what the table does not show of a connection: its service and its real server tell.
type Details struct {
	// Method is how the director sends to the real server. It counts where the other director does not know the real server
	// (any more), and for services by firewall mark; otherwise that director's own method is used.
	Method ipvs.Method
	// Mark is the firewall mark of the service, 1 to 4294967295; 0: the service is by address.
	Mark uint32
	// Persistence is the service's persistence time-out in seconds. A template goes out with it in place of what is left: the
	// other kernel takes it for the time-out, and prolongs the template by so much at each new connection. It counts for nothing with a connection; 0 sends what is left.
	Persistence uint32
}
