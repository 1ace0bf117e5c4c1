// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"fmt"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// parseCheck converts a health check; nil: real servers are not checked.
func parseCheck(compiled *v1alpha1.CompiledHealthCheck) (*Check, error) {
	if compiled == nil {
		return nil, nil
	}
	port, err := parsePort(compiled.Port, 0)
	if err != nil {
		return nil, fmt.Errorf("health check: %w", err)
	}
	parsed := &Check{Port: port, Via: compiled.Via == v1alpha1.ViaVirtualIP, Spec: health.Spec{
		Interval:   compiled.Interval.Duration,
		Timeout:    compiled.Timeout.Duration,
		RetryDelay: compiled.RetryDelay.Duration,
		Retries:    int(compiled.Retries),
		Rise:       int(compiled.Rise),
	}}
	if d := compiled.FlapDamping; d != nil {
		parsed.Spec.FlapDamping = health.FlapDamping{Falls: int(d.Falls), Window: d.Window.Duration, HoldDown: d.HoldDown.Duration}
	}
	switch {
	case compiled.TCP != nil:
		parsed.Spec.Check = check.TCP{}
	case compiled.HTTP != nil:
		parsed.Spec.Check = parseHTTP(compiled.HTTP)
	case compiled.UDP != nil:
		parsed.Spec.Check = check.UDP(*compiled.UDP)
	case compiled.SMTP != nil:
		parsed.Spec.Check = check.SMTP(*compiled.SMTP)
	case compiled.DNS != nil:
		parsed.Spec.Check = check.DNS(*compiled.DNS)
	case compiled.Ping != nil:
		parsed.Spec.Check = check.Ping{}
	case compiled.TLS != nil:
		parsed.Spec.Check = check.TLS{Client: parseTLS(compiled.TLS)}
	case compiled.GRPC != nil:
		parsed.Spec.Check = parseGRPC(compiled.GRPC)
	}
	return parsed, parsed.Spec.Validate()
}
