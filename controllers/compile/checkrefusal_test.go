// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func TestPoolThatIsOlderThanTheLimitOfABundleIsRefused(t *testing.T) {
	pool := poolOf("web", 1)
	pool.Spec.HealthCheck = &v1alpha1.HealthCheck{TLS: &v1alpha1.TLSClient{CABundle: strings.Repeat("x", mostBundle+1)}}
	want := "RealServerPool web has a health check that cannot be carried out: healthCheck.tls.caBundle: want 16384 bytes at most, and it has 16385; " +
		"leave authorities out that sign none of the real servers"
	if got := checkRefusal(pool); got == nil || got.Message != want {
		t.Errorf("got %+v, want %s", got, want)
	}
}
