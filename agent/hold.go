// SPDX-License-Identifier: Apache-2.0

package agent

import "slices"

// prepareHold prepares the kernel of a director that runs virtual routers to hold packets while a role changes hands, and removes
// that from one that does not any more. A kernel that cannot do it is told of once.
func (a *Agent) prepareHold() {
	var interfaces []string
	for _, r := range a.routers.runs() {
		interfaces = append(interfaces, r.interfaceName)
	}
	slices.Sort(interfaces)
	interfaces = slices.Compact(interfaces)
	var err error
	switch {
	case len(interfaces) > 0 && !slices.Equal(interfaces, a.holdsOn):
		err = a.kernel.PrepareHold(interfaces)
		a.holdsLeft = true
	case len(interfaces) == 0 && a.holdsLeft:
		err = a.kernel.Unhold()
		a.holdsLeft = false
	}
	a.holdsOn = interfaces
	if err != nil {
		a.log.Warn("when a role changes hands, connections that are just beginning may fail", "error", err)
	}
}
