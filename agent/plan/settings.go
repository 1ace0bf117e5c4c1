// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/realserver"
)

// forwarding lets the node pass on packets of others. The kernel counts packets to a virtual IP as its own; what is passed
// on are the answers of real servers behind LVS/NAT.
const forwarding = "net.ipv4.ip_forward"

// expireNodest ends a connection with its next packet once its real server has been deleted
// (Documentation/networking/ipvs-sysctl.rst). Without it the kernel drops those packets in silence for up to 15 minutes, and
// with them a new connection that happens to have the client port of such an old one.
const expireNodest = "net.ipv4.vs.expire_nodest_conn"

// connReuse schedules a new connection that has the client port of an old one which, as far as the director can see, has
// ended: bit 1 in TIME_WAIT, bit 2 in FIN_WAIT, the last state that is seen of a connection by direct routing or tunnel
// (Documentation/networking/ipvs-sysctl.rst; the kernel's default is bit 1). Without bit 2 such a connection goes where the
// old one went, whatever scheduler and weights say now.
const (
	connReuse      = "net.ipv4.vs.conn_reuse_mode"
	connReuseValue = "3"
)

// Sysctls are the names of all settings that a plan can write: those that In.Actual has to carry.
func Sysctls() []string {
	realServer := realserver.Sysctls()
	names := make([]string, 0, 3+len(realServer))
	names = append(names, forwarding, expireNodest, connReuse)
	for _, sysctl := range realServer {
		names = append(names, sysctl.Name)
	}
	return names
}

// wantedSysctls are the settings that this node needs now, in the order in which they are written.
func wantedSysctls(in In) []realserver.Sysctl {
	var wanted []realserver.Sysctl
	if in.Forwarding {
		wanted = append(wanted, realserver.Sysctl{Name: forwarding, Value: "1"})
	}
	if len(in.Services) > 0 {
		wanted = append(wanted, realserver.Sysctl{Name: expireNodest, Value: "1"}, realserver.Sysctl{Name: connReuse, Value: connReuseValue})
	}
	return append(wanted, realserver.For(in.RealServerAddresses).Sysctls...)
}

// raiseSysctls writes the settings that this node needs and has not.
func raiseSysctls(in In) []Operation {
	var operations []Operation
	for _, sysctl := range wantedSysctls(in) {
		if actual, exists := in.Actual.Sysctls[sysctl.Name]; exists && actual != sysctl.Value {
			operations = append(operations, SetSysctl(sysctl))
		}
	}
	return operations
}

// restoreSysctls gives the settings that this node no longer needs the values that they had before our first write.
func restoreSysctls(in In) []Operation {
	var operations []Operation
	for _, name := range released(in) {
		if actual, exists := in.Actual.Sysctls[name]; exists && actual != in.Found[name] {
			operations = append(operations, SetSysctl{Name: name, Value: in.Found[name]})
		}
	}
	return operations
}

// released are the settings that we wrote and that this node no longer needs, sorted.
func released(in In) []string {
	left := maps.Clone(in.Found)
	for _, sysctl := range wantedSysctls(in) {
		delete(left, sysctl.Name)
	}
	return slices.Sorted(maps.Keys(left))
}

// NewlyFound is, a setting that the operations write for the first time, the value that it has now. It has to be on disk,
// merged into In.Found, before the operations are carried out: later nobody knows what to restore. Nil: there is none.
func NewlyFound(in In, operations []Operation) map[string]string {
	var found map[string]string
	for _, operation := range operations {
		set, ok := operation.(SetSysctl)
		if !ok {
			continue
		}
		if _, known := in.Found[set.Name]; known {
			continue
		}
		if found == nil {
			found = map[string]string{}
		}
		found[set.Name] = in.Actual.Sysctls[set.Name]
	}
	return found
}

// Restored are the names in In.Found that can be forgotten, sorted: settings that this node does not need and that have
// their found value again. They have to be forgotten, else what an administrator sets later would be put back.
func Restored(in In) []string {
	var restored []string
	for _, name := range released(in) {
		if actual, exists := in.Actual.Sysctls[name]; !exists || actual == in.Found[name] {
			restored = append(restored, name)
		}
	}
	return restored
}
