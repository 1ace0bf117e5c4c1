// SPDX-License-Identifier: Apache-2.0

package agent

// prepareHold prepares the kernel of a director that runs virtual routers to hold packets while a role changes hands, and removes
// that from one that does not any more. A kernel that cannot do it is told of once.
func (a *Agent) prepareHold() {
	want, change := false, a.kernel.Unhold
	if len(a.routers.runs()) > 0 {
		want, change = true, func() error { return a.kernel.PrepareHold(nil) }
	}
	if a.holds == want {
		return
	}
	a.holds = want
	if err := change(); err != nil {
		a.log.Warn("when a role changes hands, connections that are just beginning may fail", "error", err)
	}
}
