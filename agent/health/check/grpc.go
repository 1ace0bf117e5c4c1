// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"fmt"
	"strings"
)

// GRPC passes when the health service of the real server answers SERVING (grpc.health.v1.Health, method Check). keepalived has no such check.
type GRPC struct {
	// Service is what is asked for, printable ASCII; empty: the whole server.
	Service string
	// Secure asks over TLS, as TLS says; without it TLS means nothing.
	Secure bool
	TLS    TLSClient
}

// Kind implements Check.
func (GRPC) Kind() string { return "grpc" }

// String implements Check.
func (c GRPC) String() string { return strings.TrimSpace("grpc " + c.Service) }

// Validate implements Check.
func (c GRPC) Validate() error {
	var service error
	if strings.ContainsFunc(c.Service, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		service = fmt.Errorf("service %q: want printable ASCII without spaces", c.Service)
	}
	return errors.Join(service, c.TLS.Validate())
}

// Serving judges a status by its name in grpc.health.v1.HealthCheckResponse.ServingStatus; one without a name is a number.
func (c GRPC) Serving(status string) error {
	if status == "SERVING" {
		return nil
	}
	return fmt.Errorf("the health service answers %s for %s", status, c.about())
}

// The codes that a health service uses, of those that gRPC has.
const (
	grpcNotFound      = 5
	grpcUnimplemented = 12
)

// Refused is the failure of a call that ended with another code than OK; name is the code's, and message came with it.
func (c GRPC) Refused(code uint32, name, message string) error {
	switch {
	// What the library says of a response that has no gRPC in it.
	case strings.Contains(message, "unexpected HTTP status code received from server"), strings.Contains(message, "HTTP content-type"),
		strings.Contains(message, "unexpected content-type"):
		what, _, _ := strings.Cut(message, "\n") // the body follows
		return fmt.Errorf("the answer is HTTP/2, but not gRPC: %s", QuoteError(what))
	case code == grpcNotFound:
		return fmt.Errorf("the health service does not know %s", c.about())
	case code == grpcUnimplemented:
		return errors.New("the real server has no health service (grpc.health.v1.Health)")
	}
	return fmt.Errorf("gRPC status %s: %s", name, QuoteError(message))
}

func (c GRPC) about() string {
	if c.Service == "" {
		return "the whole server"
	}
	return "the service " + c.Service
}
