// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// HealthCheck is how a director checks one real server. A real server starts down, comes up with its first passed check,
// and goes down when a check and all its retries have failed: at most interval + (retries+1)*timeout + retries*retryDelay
// after it died, and on a director with more than 64 real servers up to 20ms more for each try. One that a failed check has
// found down comes up again after rise passed checks, unless flapDamping holds it down.
//
// +kubebuilder:validation:XValidation:rule="[has(self.tcp), has(self.http), has(self.tls), has(self.grpc), has(self.udp), has(self.smtp), has(self.dns), has(self.ping)].filter(x, x).size() == 1",message="want one kind of check: tcp, http, tls, grpc, udp, smtp, dns or ping"
// +kubebuilder:validation:XValidation:rule="!has(self.ping) || !has(self.port)",message="ping is of the whole real server: leave port out"
// +kubebuilder:validation:XValidation:rule="!has(self.ping) || !has(self.via) || self.via == 'RealServer'",message="IPVS does not balance pings: set via: RealServer"
type HealthCheck struct {
	// interval between checks, as a duration, 100ms to 24h, default 5s. keepalived calls it delay_loop.
	// +optional
	// +kubebuilder:default="5s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('100ms') && duration(self) <= duration('24h')",message="interval must lie between 100ms and 24h"
	Interval metav1.Duration `json:"interval,omitempty"`
	// timeout of one try, as a duration, 10ms to 5m, default 3s. keepalived calls it connect_timeout.
	// +optional
	// +kubebuilder:default="3s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10ms') && duration(self) <= duration('5m')",message="timeout must lie between 10ms and 5m"
	Timeout metav1.Duration `json:"timeout,omitempty"`
	// retries is how many more tries follow a failed check before the real server is taken as down: 0 to 100, default 2. So it
	// takes retries+1 failed checks in a row, which others call fall. keepalived calls it retry, before nb_get_retry.
	// +optional
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Retries *int32 `json:"retries,omitempty"`
	// retryDelay is the pause before each retry, as a duration, 0s to 1h, default 1s. keepalived calls it delay_before_retry.
	// +optional
	// +kubebuilder:default="1s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('1h')",message="retryDelay must lie between 0s and 1h"
	RetryDelay *metav1.Duration `json:"retryDelay,omitempty"`
	// rise is how many checks have to pass in a row, an interval apart, before a real server comes up that a failed check has found
	// down: 1 to 100, default 1. It does not count for a real server of which a director knows nothing yet: that one comes up with its
	// first passed check, so that neither a director that starts nor a new real server has to wait. keepalived has it for scripts of
	// VRRP, not for checks.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Rise int32 `json:"rise,omitempty"`
	// flapDamping keeps a real server down that goes down again and again. Absent: nothing does. keepalived has nothing like it.
	// +optional
	FlapDamping *FlapDamping `json:"flapDamping,omitempty"`
	// port that is checked, 1 to 65535. Default: the real server's port, or else the virtual service's. Services by firewall
	// mark and on port 0 have no port, so for them it is required; ping has none.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
	// via is the way that checks take: RealServer (default), to the real server's own address; or VirtualIP, to the virtual IP by the way
	// of clients' packets, through IPVS to this one real server, which so proves that it has the virtual IP. That is for DirectRouting
	// and Tunnel (members behind NAT are checked at their own address in any case), for virtual services by address, and for groups with
	// probeMarks. The port is healthCheck.port, or the virtual service's.
	// +optional
	// +kubebuilder:default=RealServer
	// +kubebuilder:validation:Enum=RealServer;VirtualIP
	Via HealthCheckVia `json:"via,omitempty"`
	// tcp opens a connection to that port of the real server and closes it. keepalived calls it TCP_CHECK.
	// +optional
	TCP *TCPCheck `json:"tcp,omitempty"`
	// http sends a request to that port, by HTTP/1.1 without TLS unless it says otherwise, and judges the answer. keepalived calls it
	// HTTP_GET, and with tls SSL_GET.
	// +optional
	HTTP *HTTPCheck `json:"http,omitempty"`
	// tls makes a TLS handshake with that port, verifies the certificate and closes the connection. No keepalived check is like it.
	// +optional
	TLS *TLSClient `json:"tls,omitempty"`
	// grpc asks the health service of a gRPC server on that port (grpc.health.v1.Health). No keepalived check is like it.
	// +optional
	GRPC *GRPCCheck `json:"grpc,omitempty"`
	// udp sends one datagram to that port. It fails when the real server's host refuses the port by ICMP, or when ICMP says that the host
	// cannot be reached. Where neither answerRegex nor answerHex is given, any answer passes at once, and so does silence until the timeout:
	// then each check lasts as long as timeout, and a real server is up that merely says nothing. That its host is gone is noticed only if
	// ICMP says so within timeout, for which the kernel takes some 3s on a link of its own: give a timeout of 5s, or demand an answer. Where
	// one is demanded, the first answer has to match, and silence fails. keepalived calls it UDP_CHECK.
	// +optional
	UDP *UDPCheck `json:"udp,omitempty"`
	// smtp talks to the mail server at that port, without TLS. It passes when that one greets with 220, answers EHLO, or else HELO, with
	// 250, and lets the director leave by QUIT. keepalived calls it SMTP_CHECK.
	// +optional
	SMTP *SMTPCheck `json:"smtp,omitempty"`
	// dns asks the name server at that port. It passes when the answer is NOERROR and has at least one record of the type that was asked for
	// (keepalived is content with NOERROR). keepalived calls it DNS_CHECK.
	// +optional
	DNS *DNSCheck `json:"dns,omitempty"`
	// ping sends one ICMP echo request to the real server, whatever its ports. That its host answers says nothing of the service itself. It
	// has no settings. keepalived calls it PING_CHECK.
	// +optional
	Ping *PingCheck `json:"ping,omitempty"`
}

// FlapDamping keeps a real server that went down a number of times within a window down until its checks have passed for a while
// without a failure. Then its past is forgotten. Where holdDown is at least as long as window, clients never see it go down more
// often than falls within window. Each director keeps its own count, and begins with none.
type FlapDamping struct {
	// falls is how often the real server has to go down: 2 to 16. That its first check ever fails does not count.
	// +required
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=16
	Falls int32 `json:"falls"`
	// window is how far apart the first and the last of these falls are at most, as a duration, 1s to 24h.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="window must lie between 1s and 24h"
	Window metav1.Duration `json:"window"`
	// holdDown is how long checks have to pass, counted from the first that does, as a duration, 1s to 24h. The real server comes up
	// with the first passed check after that.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="holdDown must lie between 1s and 24h"
	HoldDown metav1.Duration `json:"holdDown"`
}

// HealthCheckVia is the way that a health check takes.
type HealthCheckVia string

// Values of HealthCheck.via.
const (
	// ViaRealServer: to the real server's own address.
	ViaRealServer HealthCheckVia = "RealServer"
	// ViaVirtualIP: to the virtual IP, through IPVS.
	ViaVirtualIP HealthCheckVia = "VirtualIP"
)

// TCPCheck passes when the real server accepts a TCP connection. It has no settings.
type TCPCheck struct{}

// HTTPCheck passes when the real server answers a request with one of the statuses and, where that is asked for, with a body that matches.
// The answer's head and body are looked at up to 64 KiB. The verdict on the status does not wait for the body, and no redirection is
// followed.
//
// +kubebuilder:validation:XValidation:rule="!has(self.bodyRegex) || !has(self.method) || self.method != 'HEAD'",message="the answer to HEAD has no body: leave bodyRegex out, or use GET"
// +kubebuilder:validation:XValidation:rule="!has(self.weightFrom) || !has(self.weightFrom.bodyRegex) || !has(self.method) || self.method != 'HEAD'",message="the answer to HEAD has no body: take weightFrom.header, or use GET"
type HTTPCheck struct {
	// method of the request: GET (default), HEAD or OPTIONS.
	// +optional
	// +kubebuilder:default=GET
	// +kubebuilder:validation:Enum=GET;HEAD;OPTIONS
	Method string `json:"method,omitempty"`
	// path that is asked for, with its query, for example /healthz?full=1; default /.
	// +optional
	// +kubebuilder:default=/
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^/[!-~]*$')",message="path must begin with a slash and hold neither spaces nor control characters, for example /healthz?full=1"
	Path string `json:"path,omitempty"`
	// host is the virtual host that is asked for (the header field Host), a name or an address, with a port or without. Default: the
	// address and the port that are checked. keepalived calls it virtualhost.
	// +optional
	// +kubebuilder:validation:MaxLength=260
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9._:\\\\[\\\\]-]+$')",message="host must be a name or an address, with a port or without, for example shop.example.com"
	Host string `json:"host,omitempty"`
	// headers are further header fields of the request; User-Agent and Accept replace those that the check sends (lvs-operator and */*).
	// Who may read the pool may read them: they are no place for passwords.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Headers []HTTPHeader `json:"headers,omitempty"`
	// statuses that pass, each one from 100 to 599 or a range as in 200-299; default 200-299.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	Statuses []HTTPStatuses `json:"statuses,omitempty"`
	// bodyRegex is a regular expression (RE2 syntax) that has to match somewhere in the body. Absent: any body passes.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="''.matches(self) in [true, false]",message="bodyRegex must be a regular expression in RE2 syntax"
	BodyRegex string `json:"bodyRegex,omitempty"`
	// weightFrom takes the real server's weight from each answer that passes: a decimal number, 0 to 65535, in place of the member's
	// weight. An answer without one leaves the member's weight. Each director goes by its own checks.
	// +optional
	WeightFrom *HTTPWeight `json:"weightFrom,omitempty"`
	// tls sends the request over TLS (https), which may be {}. Absent: without TLS.
	// +optional
	TLS *TLSClient `json:"tls,omitempty"`
	// version of HTTP: "1.1" (default) or "2". Over TLS the real server has to agree to HTTP/2 (ALPN); without TLS it has to expect HTTP/2
	// from the first byte on (prior knowledge, h2c). The check fails at a real server that speaks the other version only.
	// +optional
	// +kubebuilder:default="1.1"
	Version HTTPVersion `json:"version,omitempty"`
}

// HTTPVersion is a version of HTTP.
//
// +kubebuilder:validation:Enum="1.1";"2"
type HTTPVersion string

const (
	// HTTP11 is RFC 9112.
	HTTP11 HTTPVersion = "1.1"
	// HTTP2 is RFC 9113.
	HTTP2 HTTPVersion = "2"
)

// HTTPWeight says where an answer gives the weight of a real server.
//
// +kubebuilder:validation:XValidation:rule="has(self.header) != has(self.bodyRegex)",message="give header or bodyRegex, and not both"
type HTTPWeight struct {
	// header is the name of a header field that holds nothing but the number, for example X-LVS-Weight.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9-]+$`
	Header string `json:"header,omitempty"`
	// bodyRegex is a regular expression (RE2 syntax) with one group in parentheses, which is the number, for example ^weight: ([0-9]+)$.
	// It is looked for in the first 64 KiB of the answer. Further parentheses are written (?:...); with more groups than one, or none, no
	// virtual service of the pool is carried out (HealthCheckInvalid).
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="''.matches(self) in [true, false] && self.contains('(')",message="bodyRegex must be a regular expression in RE2 syntax with one group in parentheses, around the number"
	BodyRegex string `json:"bodyRegex,omitempty"`
}

// HTTPHeader is a header field of a request.
type HTTPHeader struct {
	// name of the field, for example X-Health-Check; not one of the connection or the message itself: Host, Connection, Content-Length,
	// Transfer-Encoding, Upgrade, Keep-Alive, Proxy-Connection, TE or Trailer.
	// +required
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9-]+$') && !(self.lowerAscii() in ['host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'keep-alive', 'proxy-connection', 'te', 'trailer'])",message="name must be letters, digits and hyphens, and none of Host, Connection, Content-Length, Transfer-Encoding, Upgrade, Keep-Alive, Proxy-Connection, TE and Trailer"
	Name string `json:"name"`
	// value of the field.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^[ -~]*$')",message="value must be printable ASCII"
	Value string `json:"value,omitempty"`
}

// HTTPStatuses is a status or a range of them, as in 204 or 200-299.
//
// +kubebuilder:validation:MaxLength=7
// +kubebuilder:validation:XValidation:rule="self.matches('^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$') && (!self.contains('-') || self.split('-')[0] <= self.split('-')[1])",message="statuses must be one from 100 to 599 each, or a range as in 200-299"
type HTTPStatuses string
