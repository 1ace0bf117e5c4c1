// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// mostMessage bounds a message of a health service, in bytes: it holds one number.
const mostMessage = 4 << 10

// errUsed keeps gRPC from connecting again.
var errUsed = errors.New("the real server ended the connection")

// grpcOptions are those of each check: nothing is asked for, repeated or measured besides the call itself.
var grpcOptions = []grpc.DialOption{
	grpc.WithNoProxy(), grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(), grpc.WithDisableHealthCheck(), grpc.WithUserAgent("lvs-operator"),
	grpc.WithMaxHeaderListSize(check.MostHeard), grpc.WithReadBufferSize(bufferSize), grpc.WithWriteBufferSize(bufferSize),
	grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(mostMessage), grpc.MaxCallSendMsgSize(mostMessage)),
}

// grpcCall makes a check of GRPC ready.
func grpcCall(c check.GRPC) Call {
	var client *tlsClient
	if c.Secure {
		var err error
		if client, err = newTLSClient(c.TLS, alpnHTTP2); err != nil {
			return unusable(err)
		}
	}
	return Weightless(func(ctx context.Context, t health.Target) error {
		conn, err := dial(ctx, t)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		trust := insecure.NewCredentials()
		if client != nil {
			secure, err := client.handshake(ctx, t, conn)
			if err != nil {
				return err
			}
			conn, trust = overhear(secure), shaken{trust}
		}
		return askHealth(ctx, t, c, conn, trust)
	})
}

// askHealth asks the health service on a connection that is ready.
func askHealth(ctx context.Context, t health.Target, c check.GRPC, conn *overheard, trust credentials.TransportCredentials) error {
	handed := make(chan net.Conn, 1)
	handed <- conn
	authority := t.Endpoint().String()
	if c.TLS.ServerName != "" {
		authority = c.TLS.ServerName
	}
	client, err := grpc.NewClient("passthrough:///"+t.Endpoint().String(), append(grpcOptions[:len(grpcOptions):len(grpcOptions)],
		grpc.WithTransportCredentials(trust), grpc.WithAuthority(authority),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			select {
			case conn := <-handed:
				return conn, nil
			default:
				return nil, errUsed
			}
		}))...)
	if err != nil {
		return inconclusive("prepare the call", err)
	}
	defer func() { _ = client.Close() }()
	answer, err := healthpb.NewHealthClient(client).Check(ctx, &healthpb.HealthCheckRequest{Service: c.Service})
	if err != nil {
		return grpcReason(ctx, t, c, err, conn)
	}
	return c.Serving(answer.GetStatus().String())
}

// grpcReason says in plain words why there was no answer. What became of the connection gRPC tells in its own words only, as unavailable.
func grpcReason(ctx context.Context, t health.Target, c check.GRPC, err error, conn *overheard) error {
	if ctx.Err() != nil {
		return notAnswered(t.Spec.Timeout)
	}
	s := status.Convert(err)
	if s.Code() == codes.Unavailable {
		begin, _ := conn.heard()
		if other := check.NotHTTP2(begin); other != nil {
			return other
		}
		if ended := endReason(conn.ended(), nil, 0); ended != nil {
			return ended
		}
	}
	return c.Refused(uint32(s.Code()), s.Code().String(), s.Message())
}

// shaken are credentials of a connection whose TLS handshake is over.
type shaken struct {
	credentials.TransportCredentials
}

// Info implements credentials.TransportCredentials. gRPC asks for the scheme https by it.
func (shaken) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone implements credentials.TransportCredentials.
func (s shaken) Clone() credentials.TransportCredentials { return s }
