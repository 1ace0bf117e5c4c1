// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// routerStatus is what the node's last report says of its virtual router.
func (n *node) routerStatus() v1alpha1.VirtualRouterStatus {
	return n.api.status.DirectorGroups[0].VirtualRouters[0]
}

func TestADirectorReportsHowOftenItWasActiveAndWhomItFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.started[0].become(vrrp.Backup)
		n.started[0].follow(netip.MustParseAddr("198.51.100.2"))
		n.settle(t)
		want := v1alpha1.VirtualRouterStatus{
			VirtualRouterID: 66, Family: v1alpha1.FamilyIPv4, State: v1alpha1.VRRPBackup, Since: metav1.NewTime(time.Now()), Epoch: 1,
			Priority: 100, Source: "198.51.100.1", Following: "198.51.100.2",
		}
		if diff := cmp.Diff(want, n.routerStatus()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		n.started[0].become(vrrp.Active)
		n.settle(t)
		if got := n.routerStatus(); got.Epoch != 2 || got.Following != "" {
			t.Errorf("Active again: epoch %d, following %q; want 2, nobody", got.Epoch, got.Following)
		}
	})
}

func TestARouterThatWasBackupBetweenTwoReportsMakesANewClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.started[0].become(vrrp.Backup)
		n.started[0].become(vrrp.Active)
		n.settle(t)
		if got := n.routerStatus(); got.State != v1alpha1.VRRPActive || got.Epoch != 2 {
			t.Errorf("reported is %s, epoch %d; want Active, 2", got.State, got.Epoch)
		}
	})
}

func TestTheReportOfAnElectionWaitsForNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.reportNotBefore = time.Now().Add(time.Hour) // as after a report that took long
		n.started[0].become(vrrp.Backup)
		n.settle(t)
		time.Sleep(electionWait)
		n.settle(t)
		if got := n.routerStatus().State; got != v1alpha1.VRRPBackup {
			t.Errorf("%s after it yielded the report says %s, want Backup", electionWait, got)
		}
		n.reportNotBefore = time.Now().Add(time.Hour)
		reports := n.api.reports
		n.reportDue = true
		n.later(t, time.Minute)
		if n.api.reports != reports {
			t.Error("a report that tells of no election did not wait")
		}
	})
}

func TestAPlannedStopIsReportedBeforeTheAddressGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		done := make(chan error)
		go func() { done <- n.handOver() }()
		synctest.Wait()
		if got := n.routerStatus().State; got != v1alpha1.VRRPInitialize {
			t.Errorf("another director is Active, and the report says %s", got)
		}
		expect(t, "operations in the meantime", n.operations(), "")
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		expect(t, "operations", n.operations(), "ip address del 198.51.100.10/32 dev eth0")
	})
}
