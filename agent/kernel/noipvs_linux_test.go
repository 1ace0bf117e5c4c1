// SPDX-License-Identifier: Apache-2.0

//go:build kernel && noipvs

package kernel_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

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
	actual, err := n.k.Read(t.Context(), kernel.Query{Owned: pools, Sysctls: plan.Sysctls()})
	if !errors.Is(err, kernel.ErrNoIPVS) || len(actual.Addresses) == 0 {
		t.Errorf("read %+v, %v", actual, err)
	}
	for _, name := range plan.Sysctls() {
		if _, there := actual.Sysctls[name]; there == strings.HasPrefix(name, "net.ipv4.vs.") {
			t.Errorf("sysctl %s: read is %t", name, there)
		}
	}
	if err := n.refused(plan.AddService{Service: service(80, "rr")}); !errors.Is(err, kernel.ErrNoIPVS) {
		t.Errorf("add a service: %v", err)
	}
	n.reach(plan.In{RealServerAddresses: []netip.Addr{vip}})
}
