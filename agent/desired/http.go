// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"strings"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// parseHTTP tells the three ways apart in which a request is sent.
func parseHTTP(compiled *v1alpha1.CompiledHTTPCheck) check.Check {
	request, version2 := parseRequest(compiled), compiled.Version == v1alpha1.HTTP2
	switch {
	case compiled.TLS != nil:
		return check.HTTPS{HTTP: request, TLS: parseTLS(compiled.TLS), Version2: version2}
	case version2:
		return check.H2C{HTTP: request}
	}
	return request
}

func parseRequest(compiled *v1alpha1.CompiledHTTPCheck) check.HTTP {
	var header strings.Builder
	for _, field := range compiled.Headers {
		header.WriteString(field.Name + ": " + field.Value + "\r\n")
	}
	var weight v1alpha1.HTTPWeight
	if compiled.WeightFrom != nil {
		weight = *compiled.WeightFrom
	}
	return check.HTTP{
		WeightHeader: weight.Header, WeightBody: weight.BodyRegex,
		Method: compiled.Method, Path: compiled.Path, Host: compiled.Host, Header: header.String(),
		Statuses: check.Statuses(compiled.Statuses), Body: compiled.BodyRegex,
	}
}
