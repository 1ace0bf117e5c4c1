// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func TestWhatNobodyReadsIsNotKept(t *testing.T) {
	full := slice("edge", "edge-1", 3, 0)
	full.Labels = map[string]string{"a": "b"}
	full.Annotations = map[string]string{"a": "b"}
	full.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "lvs-operator"}}
	full.OwnerReferences = []metav1.OwnerReference{{Name: "edge"}}
	if got, err := slim(full); err != nil || !cmp.Equal(got, slice("edge", "edge-1", 3, 0)) {
		t.Errorf("kept %+v, %v", got, err)
	}
	secret, err := slim(password("hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	if data := secret.(*corev1.Secret).Data; len(data) != 1 || string(data[v1alpha1.PasswordKey]) != "hunter2" {
		t.Errorf("kept %q of the Secret", data)
	}
}

func TestServicesShareTheirTexts(t *testing.T) {
	decode := func() *v1alpha1.ServiceSlice {
		var decoded v1alpha1.ServiceSlice
		text := `{"spec": {"directorGroup": "edge", "services": [
			{"id": "web/tomcat/http", "address": "192.0.2.10", "protocol": "TCP", "scheduler": "wrr", "pool": {"hash": "5f"}}]}}`
		if err := json.Unmarshal([]byte(text), &decoded); err != nil {
			t.Fatal(err)
		}
		slimmed, err := slim(&decoded)
		if err != nil {
			t.Fatal(err)
		}
		return slimmed.(*v1alpha1.ServiceSlice)
	}
	a, b := decode(), decode()
	if !cmp.Equal(a, b) {
		t.Errorf("unequal: %s", cmp.Diff(a, b))
	}
	if s, o := a.Spec.Services[0], b.Spec.Services[0]; unsafe.StringData(string(s.Scheduler)) != unsafe.StringData(string(o.Scheduler)) {
		t.Error("equal texts are kept twice")
	}
}

// BenchmarkMemory reports what 100 slices of 100 real servers cost, a real server.
func BenchmarkMemory(b *testing.B) {
	const slices = 100
	var text []byte
	full := slice("edge", "edge-1", 3, 0)
	full.Spec.RealServers = nil
	for i := range v1alpha1.MaxRealServersPerSlice {
		full.Spec.RealServers = append(full.Spec.RealServers,
			v1alpha1.CompiledRealServer{Address: v1alpha1.IPAddress(fmt.Sprintf("192.0.2.%d", i)), Weight: 3})
	}
	text, err := json.Marshal(full)
	if err != nil {
		b.Fatal(err)
	}
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	for name, keep := range map[string]func(any) (any, error){"as decoded": func(o any) (any, error) { return o, nil }, "slim": slim} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				kept := make([]any, slices)
				for i := range kept {
					var decoded v1alpha1.RealServerSlice
					if err := json.Unmarshal(text, &decoded); err != nil {
						b.Fatal(err)
					}
					kept[i], _ = keep(&decoded)
				}
				b.ReportMetric(float64(heap()-before)/slices/v1alpha1.MaxRealServersPerSlice, "B/real-server")
				runtime.KeepAlive(kept)
			}
		})
	}
}
