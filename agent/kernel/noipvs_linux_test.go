// SPDX-License-Identifier: Apache-2.0

//go:build kernel && noipvs

package kernel_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// TestKernelWithoutIPVSStillServesRealServers runs where the kernel has no IPVS: hack/test-kernel.sh knows.
func TestKernelWithoutIPVSStillServesRealServers(t *testing.T) {
	k := newKernel(t)
	n := node{t, k}
	if err := k.Preflight(); !errors.Is(err, kernel.ErrNoIPVS) || !strings.Contains(err.Error(), "module ip_vs") {
		t.Fatalf("preflight: %v", err)
	}
	if readings, err := k.Table(t.Context(), pool.Owns); !errors.Is(err, kernel.ErrNoIPVS) || len(readings) > 0 {
		t.Errorf("table %+v, %v", readings, err)
	}
	vs, forward := "net.ipv4.vs.conn_reuse_mode", "net.ipv4.ip_forward"
	actual, err := k.Read(t.Context(), kernel.Query{IPVS: true, Sysctls: []string{vs, forward}})
	if err != nil || len(actual.Addresses) == 0 || actual.Timeouts != (ipvs.Timeouts{}) {
		t.Errorf("read %+v, %v", actual, err)
	}
	if _, there := actual.Sysctls[vs]; there || actual.Sysctls[forward] == "" {
		t.Errorf("sysctls %v", actual.Sysctls)
	}
	if err := n.refused(&plan.AddService{Service: service(80, "rr")}); !errors.Is(err, kernel.ErrNoIPVS) {
		t.Errorf("add a service: %v", err)
	}
	n.reach(wanted{In: plan.In{RealServerAddresses: []netip.Addr{vip}}})
}
