// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"slices"
	"strconv"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/realserver"
)

// forwarding is the sysctl that lets the node pass on packets of others, by family. The kernel counts packets to a virtual
// IP as its own; what is passed on are the answers of real servers behind LVS/NAT.
var forwarding = map[ipvs.Family]string{
	ipvs.IPv4: "net.ipv4.ip_forward",
	ipvs.IPv6: "net.ipv6.conf.all.forwarding",
}

// Names of the time-outs of IPVS (IPVS_CMD_SET_CONFIG) among the settings; their values are seconds. They are no sysctls.
const (
	TimeoutTCP    = "ipvs timeout tcp"
	TimeoutTCPFin = "ipvs timeout tcpfin"
	TimeoutUDP    = "ipvs timeout udp"
)

// timeouts are the names of the time-outs with where each stands.
func timeouts(t *ipvs.Timeouts) map[string]*uint32 {
	return map[string]*uint32{TimeoutTCP: &t.TCP, TimeoutTCPFin: &t.TCPFin, TimeoutUDP: &t.UDP}
}

// Sysctls are the names, sorted, of the sysctls that this plan can write: those that In.Actual has to carry.
func (in In) Sysctls() []string {
	var none ipvs.Timeouts
	names := map[string]bool{}
	for _, setting := range wantedSettings(in) {
		names[setting.Name] = true
	}
	for _, link := range in.Links {
		for _, setting := range LinkSettings(link.Name) {
			names[setting.Name] = true
		}
	}
	for name := range in.Found {
		names[name] = true
	}
	for name := range timeouts(&none) {
		delete(names, name)
	}
	return slices.Sorted(maps.Keys(names))
}

// wantedSettings are the settings that this node needs now and that are restored when it no longer does, in the order in which they
// are written.
func wantedSettings(in In) []Setting {
	wanted := kernelSettings(in)
	for _, link := range in.Links {
		for _, setting := range parentSettings(link.Parent) {
			if !slices.Contains(wanted, setting) {
				wanted = append(wanted, setting)
			}
		}
	}
	return wanted
}

// kernelSettings are those of the kernel as a whole, and of lo.
func kernelSettings(in In) []Setting {
	arp := realserver.For(in.RealServerAddresses).Sysctls
	wanted := make([]Setting, 0, len(in.Forwarding)+len(in.Settings)+len(arp))
	for _, family := range in.Forwarding {
		wanted = append(wanted, Setting{Name: forwarding[family], Value: "1"})
	}
	wanted = append(wanted, in.Settings...)
	for _, sysctl := range arp {
		wanted = append(wanted, Setting(sysctl))
	}
	return wanted
}

// value is a setting's in the kernel; false: this kernel has no such setting, or it was not read.
func (a Actual) value(name string) (string, bool) {
	known := a.Timeouts
	if seconds, isTimeout := timeouts(&known)[name]; isTimeout {
		return strconv.FormatUint(uint64(*seconds), 10), *seconds != 0
	}
	value, exists := a.Sysctls[name]
	return value, exists
}

// raiseSettings writes the settings that this node needs and has not.
func raiseSettings(in In) []Operation { return writes(wrong(in, wantedSettings(in))) }

// wrong are those of the settings that this kernel has and that have another value in it.
func wrong(in In, settings []Setting) []Setting {
	var wrong []Setting
	for _, setting := range settings {
		if actual, exists := in.Actual.value(setting.Name); exists && !setting.holds(actual) {
			wrong = append(wrong, setting)
		}
	}
	return wrong
}

// Missing are the names of the settings that are wanted and that this kernel does not have. An interface that is absent is told by
// the virtual router on it.
func Missing(in In) []string {
	if in.Actual.SettingsErr != nil {
		return nil
	}
	var missing []string
	for _, setting := range kernelSettings(in) {
		if _, exists := in.Actual.value(setting.Name); !exists {
			missing = append(missing, setting.Name)
		}
	}
	return missing
}

// automatic are the sysctls of which 1 means "when memory is short": while it is, the kernel itself turns 1 into 2
// (update_defense_level of net/netfilter/ipvs/ip_vs_ctl.c).
var automatic = []string{"net.ipv4.vs.drop_entry", "net.ipv4.vs.drop_packet", "net.ipv4.vs.secure_tcp"}

// holds says whether the setting is in force in a kernel that has this value.
func (s Setting) holds(actual string) bool {
	return actual == s.Value || s.Value == "1" && actual == "2" && slices.Contains(automatic, s.Name)
}

// restoreSettings gives the settings that this node no longer needs the values that they had before our first write.
func restoreSettings(in In) []Operation {
	var wrong []Setting
	for _, name := range released(in) {
		if actual, exists := in.Actual.value(name); exists && actual != in.Found[name] {
			wrong = append(wrong, Setting{Name: name, Value: in.Found[name]})
		}
	}
	return writes(wrong)
}

// writes are the operations that write settings: one for all time-outs, and one a sysctl.
func writes(settings []Setting) []Operation {
	var operations []Operation
	var set ipvs.Timeouts
	for _, setting := range settings {
		if field, isTimeout := timeouts(&set)[setting.Name]; isTimeout {
			seconds, err := strconv.ParseUint(setting.Value, 10, 32)
			if err == nil {
				*field = uint32(seconds)
			}
			continue
		}
		operations = append(operations, (*SetSysctl)(&setting))
	}
	if set != (ipvs.Timeouts{}) {
		operations = append(operations, &SetTimeouts{set})
	}
	return operations
}

// released are the settings that we wrote and that this node no longer needs, sorted.
func released(in In) []string {
	left := maps.Clone(in.Found)
	for _, setting := range wantedSettings(in) {
		delete(left, setting.Name)
	}
	return slices.Sorted(maps.Keys(left))
}

// NewlyFound is, a setting that the operations write for the first time, the value that it has now. It has to be on disk,
// merged into In.Found, before the operations are carried out: later nobody knows what to restore. What goes with a link of ours is
// never restored. Nil: there is none.
func NewlyFound(in In, operations []Operation) map[string]string {
	found := map[string]string{}
	ownLink := map[string]bool{}
	for _, link := range in.Links {
		for _, setting := range LinkSettings(link.Name) {
			ownLink[setting.Name] = true
		}
	}
	note := func(name string) {
		if _, known := in.Found[name]; !known && !ownLink[name] {
			found[name], _ = in.Actual.value(name)
		}
	}
	for _, operation := range operations {
		switch o := operation.(type) {
		case *SetSysctl:
			note(o.Name)
		case *SetTimeouts:
			for name, seconds := range timeouts(&o.Timeouts) {
				if *seconds != 0 {
					note(name)
				}
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

// Restored are the names in In.Found that can be forgotten, sorted: settings that this node does not need and that have
// their found value again. They have to be forgotten, else what an administrator sets later would be put back.
func Restored(in In) []string {
	if in.Actual.SettingsErr != nil {
		return nil
	}
	var restored []string
	for _, name := range released(in) {
		if actual, exists := in.Actual.value(name); !exists || actual == in.Found[name] {
			restored = append(restored, name)
		}
	}
	return restored
}
