// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net"
	"net/http"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	grpchealth "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// serveGRPC is a server with what register gives it.
func serveGRPC(t *testing.T, trust credentials.TransportCredentials, register func(*grpc.Server)) net.Addr {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	server := grpc.NewServer(grpc.Creds(trust))
	register(server)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return l.Addr()
}

// withHealth has a health service that knows the whole server, a sick service and a dull one.
func withHealth(s *grpc.Server) {
	service := grpchealth.NewServer()
	service.SetServingStatus("sick", healthpb.HealthCheckResponse_NOT_SERVING)
	service.SetServingStatus("dull", healthpb.HealthCheckResponse_ServingStatus(9))
	healthpb.RegisterHealthServer(s, service)
}

func TestGRPCServerIsJudgedByItsHealthService(t *testing.T) {
	authority := newAuthority(t)
	certificate := authority.issue(t, unchanged)
	plain := serveGRPC(t, insecure.NewCredentials(), withHealth)
	secure := serveGRPC(t, credentials.NewServerTLSFromCert(&certificate), withHealth)
	none := serveGRPC(t, insecure.NewCredentials(), func(*grpc.Server) {})
	web := servePlain(2)(t, http.NotFoundHandler())
	page := servePlain(2)(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	trusting := check.TLSClient{ServerName: "shop.example", CABundle: authority.bundle()}
	for _, tc := range []struct {
		name    string
		address net.Addr
		check   check.GRPC
		want    string
	}{
		{"the whole server", plain, check.GRPC{}, "passed"},
		{"over TLS", secure, check.GRPC{Secure: true, TLS: trusting}, "passed"},
		{"over TLS with another name", secure, check.GRPC{Secure: true, TLS: check.TLSClient{ServerName: "other.example", CABundle: authority.bundle()}},
			"the certificate is for shop.example, 127.0.0.1, not for other.example"},
		{"a service that is not up", plain, check.GRPC{Service: "sick"}, "the health service answers NOT_SERVING for the service sick"},
		{"a status without a name", plain, check.GRPC{Service: "dull"}, "the health service answers 9 for the service dull"},
		{"an unknown service", plain, check.GRPC{Service: "shop.Orders"}, "the health service does not know the service shop.Orders"},
		{"no health service", none, check.GRPC{}, "the real server has no health service (grpc.health.v1.Health)"},
		{"a web server", web, check.GRPC{},
			`the answer is HTTP/2, but not gRPC: "unexpected HTTP status code received from server: 404 (Not Found); transport: received unexpected content-type \"text/plain; charset=utf-8\""`},
		{"a page", page, check.GRPC{},
			`the answer is HTTP/2, but not gRPC: "unexpected HTTP status code received from server: 200 (OK); transport: received unexpected content-type \"text/html; charset=utf-8\""`},
		{"TLS where none is", plain, check.GRPC{Secure: true, TLS: trusting}, "the answer is not TLS: it is HTTP/2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := text(makeOf(t, tc.address, 5*time.Second, tc.check)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestGRPCAsksForTheNameInTheCertificate(t *testing.T) {
	asked := make(chan string, 1)
	address := serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Host + r.URL.Path
		w.WriteHeader(http.StatusTeapot)
	}))
	for name, want := range map[string]string{"": address.String(), "shop.example": "shop.example"} {
		_ = makeOf(t, address, 5*time.Second, check.GRPC{Secure: true, TLS: check.TLSClient{ServerName: name, SkipVerify: true}})
		if got := <-asked; got != want+"/grpc.health.v1.Health/Check" {
			t.Errorf("asked for %s, want %s", got, want)
		}
	}
}
