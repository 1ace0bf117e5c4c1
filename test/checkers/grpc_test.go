// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	grpchealth "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// serveGRPC runs gRPC's own server on the real server for the length of a test, with what register gives it.
func serveGRPC(t *testing.T, trust credentials.TransportCredentials, register func(*grpc.Server)) netip.AddrPort {
	t.Helper()
	l := listen(t)
	server := grpc.NewServer(grpc.Creds(trust))
	register(server)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return portOf(l)
}

// withHealth has gRPC's own health service, which knows the whole server and one that is not up.
func withHealth(s *grpc.Server) {
	service := grpchealth.NewServer()
	service.SetServingStatus("shop.Orders", healthpb.HealthCheckResponse_NOT_SERVING)
	healthpb.RegisterHealthServer(s, service)
}

func withoutHealth(*grpc.Server) {}

// asleep is a health service that hangs.
type asleep struct {
	healthpb.UnimplementedHealthServer
}

// Check implements healthpb.HealthServer.
func (asleep) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func withSleep(s *grpc.Server) { healthpb.RegisterHealthServer(s, asleep{}) }

func grpcStories(t *testing.T) []story {
	certificate, err := stage.trusted.issue(unchanged)
	if err != nil {
		t.Fatal(err)
	}
	plain := serveGRPC(t, insecure.NewCredentials(), withHealth)
	secure := serveGRPC(t, credentials.NewServerTLSFromCert(&certificate), withHealth)
	none := serveGRPC(t, insecure.NewCredentials(), withoutHealth)
	hangs := serveGRPC(t, insecure.NewCredentials(), withSleep)
	overTLS := check.GRPC{Secure: true, TLS: trusting()}
	otherName := check.GRPC{Secure: true, TLS: check.TLSClient{ServerName: otherName, CABundle: stage.trusted.bundle()}}
	const notGRPC = `the answer is HTTP/2, but not gRPC: "unexpected HTTP status code received from server: 404 (Not Found); ` +
		`transport: received unexpected content-type \"text/html\""`
	return slices.Concat([]story{
		{"a server", check.GRPC{}, plain, up, 0},
		{"a server over TLS", overTLS, secure, up, 0},
		{"a certificate of another name", otherName, secure, "the certificate is for www.example.com, 192.0.2.11, not for intranet.example.com", 0},
		{"a service that is not up", check.GRPC{Service: "shop.Orders"}, plain,
			"the health service answers NOT_SERVING for the service shop.Orders", 0},
		{"a service that nobody knows", check.GRPC{Service: "shop.Carts"}, plain, "the health service does not know the service shop.Carts", 0},
		{"no health service", check.GRPC{}, none, "the real server has no health service (grpc.health.v1.Health)", 0},
		{"a health service that hangs", check.GRPC{}, hangs, "connected, but no answer within 5s", short},
		{"a port of HTTP", check.GRPC{}, at(webPort), `the answer is not HTTP/2: it begins with "HTTP/1.1 400 Bad Request\r\nServer: nginx/"...`, 0},
		{"a port of HTTP/2", check.GRPC{}, at(clearHTTP2Port), notGRPC, 0},
		{"a port of HTTPS by HTTP/2", overTLS, at(securePort), notGRPC, 0},
		{"a port of HTTPS by HTTP/1.1", overTLS, at(oldSecurePort),
			"the real server does not agree to h2 over TLS (ALPN): it does not speak that version of HTTP", 0},
		{"TLS where there is none", overTLS, plain, "the answer is not TLS: it is HTTP/2", 0},
		// The server closes at the first bytes: what it has not read by then makes that a reset.
		{"no TLS where there is", check.GRPC{}, secure, "the connection was closed without an answer\nconnection reset", 0},
		{"it closes after its settings", check.GRPC{}, serve(t, ends(settings)), "the connection was closed without an answer", 0},
	}, unconnected(check.GRPC{}), unserved(t, check.GRPC{}, "connected, but no answer within 5s"))
}

func TestGRPCAgainstItsOwnServer(t *testing.T) {
	t.Parallel()
	play(t, grpcStories(t))
}
