// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func parseTLS(compiled *v1alpha1.TLSClient) check.TLSClient {
	return check.TLSClient{ServerName: compiled.ServerName, CABundle: compiled.CABundle, SkipVerify: compiled.InsecureSkipVerify}
}

func parseGRPC(compiled *v1alpha1.GRPCCheck) check.GRPC {
	parsed := check.GRPC{Service: compiled.Service, Secure: compiled.TLS != nil}
	if parsed.Secure {
		parsed.TLS = parseTLS(compiled.TLS)
	}
	return parsed
}
