// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func TestAGroupThatAsksForNothingGetsThreeSysctls(t *testing.T) {
	want := v1alpha1.CompiledIPVSSettings{Sysctls: []v1alpha1.Sysctl{
		{Name: "net.ipv4.vs.conn_reuse_mode", Value: "3"},
		{Name: "net.ipv4.vs.expire_nodest_conn", Value: "1"},
		{Name: "net.ipv4.vs.expire_quiescent_template", Value: "1"},
	}}
	for tells, settings := range map[string]*v1alpha1.IPVSSettings{"no settings": nil, "empty settings": {}} {
		if diff := cmp.Diff(want, compileSettings(v1alpha1.DirectorGroupSpec{IPVS: settings})); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tells, diff)
		}
	}
}

func TestEveryFieldOfTheSettingsIsASetting(t *testing.T) {
	fields := reflect.TypeFor[v1alpha1.IPVSSettings]()
	asked := reflect.New(fields).Elem()
	// SyncThreshold and SyncPeriod are one sysctl.
	sysctls := -1
	for i := range fields.NumField() {
		if fields.Field(i).Name == "Timeouts" {
			continue
		}
		asked.Field(i).Set(reflect.New(fields.Field(i).Type.Elem()))
		sysctls++
	}
	settings := asked.Interface().(v1alpha1.IPVSSettings)
	got := compileSettings(v1alpha1.DirectorGroupSpec{IPVS: &settings}).Sysctls
	if len(got) != sysctls {
		t.Errorf("%d fields give %d sysctls: %v", sysctls, len(got), got)
	}
	for _, sysctl := range got {
		if sysctl.Value != "0" && sysctl.Value != "0\t0" {
			t.Errorf("%s is %s, and 0 or false was asked for", sysctl.Name, sysctl.Value)
		}
	}
}

func TestAThresholdIsWrittenWithThePeriod(t *testing.T) {
	for _, c := range []struct {
		settings v1alpha1.IPVSSettings
		want     string
	}{
		{v1alpha1.IPVSSettings{SyncThreshold: new(int32(1))}, "1\t50"},
		{v1alpha1.IPVSSettings{SyncPeriod: new(int32(10))}, "3\t10"},
		{v1alpha1.IPVSSettings{SyncThreshold: new(int32(0)), SyncPeriod: new(int32(0))}, "0\t0"},
	} {
		sysctls := compileSettings(v1alpha1.DirectorGroupSpec{IPVS: &c.settings}).Sysctls
		if got := sysctls[len(sysctls)-1]; got != (v1alpha1.Sysctl{Name: "net.ipv4.vs.sync_threshold", Value: c.want}) {
			t.Errorf("%v, want %q", got, c.want)
		}
	}
}
