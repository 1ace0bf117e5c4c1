// SPDX-License-Identifier: Apache-2.0

package desired_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// compiledSync is what the controller writes of a group that says nothing but connectionSync: {}.
func compiledSync() *v1alpha1.CompiledConnectionSync {
	return &v1alpha1.CompiledConnectionSync{SyncID: 66, Interface: "eth0", Group: "224.0.0.81", Port: 8848, TTL: 1}
}

func TestADirectorIsMasterAndBackup(t *testing.T) {
	in := edge()
	in.Node.Spec.DirectorGroups[0].ConnectionSync = compiledSync()
	daemon := ipvs.Daemon{State: ipvs.Master, Interface: "eth0", ID: 66, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1}
	want := []ipvs.Daemon{daemon, daemon}
	want[1].State = ipvs.Backup
	if got := build(t, in).Daemons(); !slices.Equal(got, want) {
		t.Errorf("daemons %v, want %v", got, want)
	}
}

func TestConnectionSyncThatTheKernelCannotDoIsAProblem(t *testing.T) {
	for part, spoil := range map[string]func(*v1alpha1.CompiledConnectionSync){
		"group 192.0.2.1: no multicast address": func(s *v1alpha1.CompiledConnectionSync) { s.Group = "192.0.2.1" },
		"group: ":                               func(s *v1alpha1.CompiledConnectionSync) { s.Group = "x" },
		`interface "": `:                        func(s *v1alpha1.CompiledConnectionSync) { s.Interface = "" },
		`interface "abcdefghijklmnop": `:        func(s *v1alpha1.CompiledConnectionSync) { s.Interface = "abcdefghijklmnop" },
		"syncID 256: want 1 to 255":             func(s *v1alpha1.CompiledConnectionSync) { s.SyncID = 256 },
		"port 65536: want 1 to 65535":           func(s *v1alpha1.CompiledConnectionSync) { s.Port = 65536 },
		"ttl 0: want 1 to 255":                  func(s *v1alpha1.CompiledConnectionSync) { s.TTL = 0 },
		"maxLength 1023: want 1024 to 65487":    func(s *v1alpha1.CompiledConnectionSync) { s.MaxLength = 1023 },
	} {
		in := edge()
		in.Node.Spec.DirectorGroups[0].ConnectionSync = compiledSync()
		spoil(in.Node.Spec.DirectorGroups[0].ConnectionSync)
		state, problems := in.build()
		wantProblem(t, problems, v1alpha1.ProblemInvalid, "", part)
		if len(state.Daemons()) != 0 {
			t.Errorf("%s: %v", part, state.Daemons())
		}
	}
}
