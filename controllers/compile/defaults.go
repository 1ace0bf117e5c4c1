// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// The defaults of the CRDs once more, for objects that no API server has filled in.
const (
	defaultVersion               = 3
	defaultPriority              = 100
	defaultAdvertisementInterval = time.Second
	defaultScheduler             = v1alpha1.Scheduler("wlc")
	defaultPersistence           = 5 * time.Minute
	defaultDrainTCP              = 5 * time.Minute
	defaultDrainUDP              = 10 * time.Second
	defaultDrainSCTP             = 5 * time.Minute
	defaultTunnelType            = v1alpha1.TunnelIPIP
	defaultTunnelChecksum        = v1alpha1.ChecksumNone
	defaultWeight                = 1
	defaultQuorum                = 1
	defaultCheckInterval         = 5 * time.Second
	defaultCheckTimeout          = 3 * time.Second
	defaultCheckRetries          = 2
	defaultCheckRetryDelay       = time.Second
	defaultCheckRise             = 1

	defaultExpireNoDestConn        = true
	defaultExpireQuiescentTemplate = true
	defaultConnReuseMode           = 3
	// A backup that balances nothing would be every director: each is one at all times.
	defaultBackupOnlyInSync = false

	defaultSyncGroup = v1alpha1.IPAddress("224.0.0.81")
	defaultSyncPort  = 8848
	defaultSyncTTL   = 1

	// Those of the kernel, of which only a pair can be written.
	defaultSyncThreshold = 3
	defaultSyncPeriod    = 50
)

func orDuration(d metav1.Duration, fallback time.Duration) metav1.Duration {
	return metav1.Duration{Duration: cmp.Or(d.Duration, fallback)}
}

func or[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}
