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
		if diff := cmp.Diff(want, compileSettings(settings)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tells, diff)
		}
	}
}

func TestEveryFieldOfTheSettingsIsASetting(t *testing.T) {
	fields := reflect.TypeFor[v1alpha1.IPVSSettings]()
	asked := reflect.New(fields).Elem()
	sysctls := 0
	for i := range fields.NumField() {
		if fields.Field(i).Name == "Timeouts" {
			continue
		}
		asked.Field(i).Set(reflect.New(fields.Field(i).Type.Elem()))
		sysctls++
	}
	settings := asked.Interface().(v1alpha1.IPVSSettings)
	got := compileSettings(&settings).Sysctls
	if len(got) != sysctls {
		t.Errorf("%d fields give %d sysctls: %v", sysctls, len(got), got)
	}
	for _, sysctl := range got {
		if sysctl.Value != "0" {
			t.Errorf("%s is %s, and 0 or false was asked for", sysctl.Name, sysctl.Value)
		}
	}
}
