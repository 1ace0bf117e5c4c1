// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func TestGRPCAnswers(t *testing.T) {
	whole, one := check.GRPC{}, check.GRPC{Service: "shop.Orders"}
	if err := whole.Serving("SERVING"); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct {
		got  error
		want string
	}{
		{whole.Serving("NOT_SERVING"), "the health service answers NOT_SERVING for the whole server"},
		{one.Serving("UNKNOWN"), "the health service answers UNKNOWN for the service shop.Orders"},
		{one.Refused(5, "NotFound", "unknown service"), "the health service does not know the service shop.Orders"},
		{one.Refused(12, "Unimplemented", "unknown service grpc.health.v1.Health"), "the real server has no health service (grpc.health.v1.Health)"},
		{one.Refused(12, "Unimplemented", "unexpected HTTP status code received from server: 404 (Not Found)\ndata: x"),
			`the answer is HTTP/2, but not gRPC: "unexpected HTTP status code received from server: 404 (Not Found)"`},
		{one.Refused(16, "Unauthenticated", "no\r\n"+strings.Repeat("x", 200)),
			`gRPC status Unauthenticated: "no\r\n` + strings.Repeat("x", 156) + `"...`},
		{check.GRPC{Service: "a b"}.Validate(), `service "a b": want printable ASCII without spaces`},
	} {
		if tc.got == nil || tc.got.Error() != tc.want {
			t.Errorf("got %v, want %s", tc.got, tc.want)
		}
	}
	if whole.String() != "grpc" || one.String() != "grpc shop.Orders" {
		t.Errorf("they are called %q and %q", whole, one)
	}
}
