// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"regexp"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// checkRefusal finds a health check that the API takes and no director could carry out, since the API reads neither certificates nor groups
// of regular expressions. It is of the pool alone, whatever the service.
func checkRefusal(pool *v1alpha1.RealServerPool) *Finding {
	field, wrong := wrongIn(pool.Spec.HealthCheck)
	if wrong == "" {
		return nil
	}
	return &Finding{
		Condition: v1alpha1.ConditionAccepted,
		Reason:    v1alpha1.ReasonHealthCheckInvalid,
		Message:   fmt.Sprintf("RealServerPool %s has a health check that cannot be carried out: healthCheck.%s: %s", pool.Name, field, wrong),
	}
}

// wrongIn is the first field of a check that is wrong, and what is wrong with it; empty: nothing is.
func wrongIn(check *v1alpha1.HealthCheck) (field, wrong string) {
	switch {
	case check == nil:
		return "", ""
	case check.HTTP != nil:
		if wrong := wrongGroups(check.HTTP.WeightFrom); wrong != "" {
			return "http.weightFrom.bodyRegex", wrong
		}
		return "http.tls.caBundle", wrongBundle(check.HTTP.TLS)
	case check.GRPC != nil:
		return "grpc.tls.caBundle", wrongBundle(check.GRPC.TLS)
	}
	return "tls.caBundle", wrongBundle(check.TLS)
}

// wrongGroups is what is wrong with the expression of a weight, which has to have one group; empty: nothing is, or there is none.
func wrongGroups(from *v1alpha1.HTTPWeight) string {
	if from == nil || from.BodyRegex == "" {
		return ""
	}
	expression, err := regexp.Compile(from.BodyRegex)
	switch {
	case err != nil:
		return fmt.Sprintf("%v; give a regular expression in RE2 syntax", err)
	case expression.NumSubexp() != 1:
		return fmt.Sprintf("want one group in parentheses, around the number, and it has %d; write other parentheses (?:...), and the sign itself \\(",
			expression.NumSubexp())
	}
	return ""
}

// mostBundle is how many bytes a CA bundle may have, by the API too: a pool that is older than that limit may have more.
const mostBundle = 16 << 10

// wrongBundle is what is wrong with a CA bundle; empty: nothing is, or there is none.
func wrongBundle(client *v1alpha1.TLSClient) string {
	const advice = "give the authorities' certificates alone, each whole and in PEM"
	if client == nil || client.CABundle == "" {
		return ""
	}
	if length := len(client.CABundle); length > mostBundle {
		return fmt.Sprintf("want %d bytes at most, and it has %d; leave authorities out that sign none of the real servers", mostBundle, length)
	}
	n := 0
	for block, rest := pem.Decode([]byte(client.CABundle)); block != nil; block, rest = pem.Decode(rest) {
		n++
		if block.Type != "CERTIFICATE" {
			return fmt.Sprintf("want certificates only, and it holds a %s; %s", block.Type, advice)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Sprintf("certificate %d cannot be read: %v; %s", n, err, advice)
		}
	}
	if n == 0 {
		return "it holds no whole certificate; " + advice
	}
	return ""
}
