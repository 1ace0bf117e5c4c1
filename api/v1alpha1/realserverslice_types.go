// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MaxRealServersPerSlice is the most real servers that the controller puts in one RealServerSlice; EndpointSlice's figure.
const MaxRealServersPerSlice = 100

// RealServerSlice holds compiled real servers of one pool for one director group. The controller writes it, agents read it.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,categories=lvs
// +kubebuilder:selectablefield:JSONPath=`.spec.directorGroup`
// +kubebuilder:printcolumn:name="Group",type=string,JSONPath=`.spec.directorGroup`
// +kubebuilder:printcolumn:name="Namespace",type=string,JSONPath=`.spec.pool.namespace`
// +kubebuilder:printcolumn:name="Pool",type=string,JSONPath=`.spec.pool.name`
// +kubebuilder:printcolumn:name="First-Address",type=string,JSONPath=`.spec.realServers[0].address`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RealServerSlice struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the compiled real servers.
	// +required
	Spec RealServerSliceSpec `json:"spec"`
}

// RealServerSliceSpec is compiled real servers of one pool.
type RealServerSliceSpec struct {
	// directorGroup is the name of the DirectorGroup.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a slice belongs to one director group for its life"
	DirectorGroup string `json:"directorGroup"`
	// pool is the RealServerPool that this slice was compiled from.
	// +required
	Pool PoolReference `json:"pool"`
	// healthCheck of every real server in this slice; absent: unchecked.
	// +optional
	HealthCheck *CompiledHealthCheck `json:"healthCheck,omitempty"`
	// realServers are the compiled real servers, sorted by address; at most 100.
	// +optional
	// +listType=map
	// +listMapKey=address
	// +kubebuilder:validation:MaxItems=100
	RealServers []CompiledRealServer `json:"realServers,omitempty"`
}

// PoolReference names a RealServerPool.
type PoolReference struct {
	// namespace of the RealServerPool.
	// +required
	Namespace string `json:"namespace"`
	// name of the RealServerPool.
	// +required
	Name string `json:"name"`
}

// CompiledHealthCheck is a health check with every default filled in.
type CompiledHealthCheck struct {
	// interval between checks, as a duration, 100ms to 24h; default 5s if the pool says nothing.
	// +required
	Interval metav1.Duration `json:"interval"`
	// timeout of one try, as a duration, 10ms to 5m; default 3s if the pool says nothing.
	// +required
	Timeout metav1.Duration `json:"timeout"`
	// retries after a failed check before the real server is taken as down, 0 to 100; default 2 if the pool says nothing.
	// +required
	Retries int32 `json:"retries"`
	// retryDelay is the pause before each retry, as a duration, 0s to 1h; default 1s if the pool says nothing.
	// +required
	RetryDelay metav1.Duration `json:"retryDelay"`
	// rise is how many checks have to pass in a row before a real server that is down comes up, 1 to 100; 0 or absent: 1.
	// +optional
	Rise int32 `json:"rise,omitempty"`
	// flapDamping keeps a real server down that goes down again and again; absent: nothing does.
	// +optional
	FlapDamping *FlapDamping `json:"flapDamping,omitempty"`
	// port that is checked, 1 to 65535; 0 or absent: the real server's, or else the service's.
	// +optional
	Port int32 `json:"port,omitempty"`
	// via is RealServer or VirtualIP; RealServer by default.
	// +optional
	Via HealthCheckVia `json:"via,omitempty"`
	// tcp opens a connection to that port of the real server and closes it. It has no settings.
	// +optional
	TCP *TCPCheck `json:"tcp,omitempty"`
	// http sends a request to that port and judges the answer.
	// +optional
	HTTP *CompiledHTTPCheck `json:"http,omitempty"`
	// tls makes a TLS handshake with that port and verifies the certificate.
	// +optional
	TLS *TLSClient `json:"tls,omitempty"`
	// grpc asks the health service of a gRPC server on that port.
	// +optional
	GRPC *GRPCCheck `json:"grpc,omitempty"`
	// udp sends a datagram to that port and judges the answer, or silence.
	// +optional
	UDP *CompiledUDPCheck `json:"udp,omitempty"`
	// smtp greets the mail server at that port and takes leave of it.
	// +optional
	SMTP *CompiledSMTPCheck `json:"smtp,omitempty"`
	// dns asks the name server at that port.
	// +optional
	DNS *CompiledDNSCheck `json:"dns,omitempty"`
	// ping sends one ICMP echo request to the real server, whatever its ports. It has no settings.
	// +optional
	Ping *PingCheck `json:"ping,omitempty"`
}

// CompiledHTTPCheck is a check by HTTP with every default filled in.
type CompiledHTTPCheck struct {
	// method of the request: GET, HEAD or OPTIONS; default GET if the pool says nothing.
	// +required
	Method string `json:"method"`
	// path that is asked for, with its query; default / if the pool says nothing.
	// +required
	Path string `json:"path"`
	// host is the virtual host that is asked for; absent: the address and the port that are checked.
	// +optional
	Host string `json:"host,omitempty"`
	// headers are further header fields of the request; at most 16.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Headers []CompiledHTTPHeader `json:"headers,omitempty"`
	// statuses that pass, as in 200-299,401; absent: 200-299.
	// +optional
	Statuses string `json:"statuses,omitempty"`
	// bodyRegex is a regular expression (RE2) that has to match in the body; absent: any body passes.
	// +optional
	BodyRegex string `json:"bodyRegex,omitempty"`
	// weightFrom says where answers give the weight of the real server; absent: they do not.
	// +optional
	WeightFrom *HTTPWeight `json:"weightFrom,omitempty"`
	// tls sends the request over TLS; absent: without.
	// +optional
	TLS *TLSClient `json:"tls,omitempty"`
	// version of HTTP: 1.1 or 2; absent: 1.1, as if the pool says nothing.
	// +optional
	Version HTTPVersion `json:"version,omitempty"`
}

// CompiledHTTPHeader is a header field of a request.
type CompiledHTTPHeader struct {
	// name of the field.
	// +required
	Name string `json:"name"`
	// value of the field; absent: empty.
	// +optional
	Value string `json:"value,omitempty"`
}

// CompiledRealServer is one real server.
type CompiledRealServer struct {
	// address of the real server (RIP), IPv4 or IPv6.
	// +required
	Address IPAddress `json:"address"`
	// port of the real server, 1 to 65535; 0 or absent: the service's.
	// +optional
	Port int32 `json:"port,omitempty"`
	// weight while healthy, 0 to 65535; default 1 if the pool says nothing. At 0 no new connections come.
	// +required
	Weight int32 `json:"weight"`
	// forwardingMethod of this real server: DirectRouting, Tunnel or NAT; absent: the service's.
	// +optional
	ForwardingMethod ForwardingMethod `json:"forwardingMethod,omitempty"`
	// tunnel of this real server where the method is Tunnel; absent: the service's.
	// +optional
	Tunnel *CompiledTunnel `json:"tunnel,omitempty"`
	// upperThreshold is the number of connections at which no new ones come, 1 to 2147483647; 0 or absent: no limit.
	// +optional
	UpperThreshold int32 `json:"upperThreshold,omitempty"`
	// lowerThreshold is the number of connections below which new ones come again, 1 to upperThreshold; 0 or absent: three
	// quarters of upperThreshold.
	// +optional
	LowerThreshold int32 `json:"lowerThreshold,omitempty"`
}

// RealServerSliceList is a list of RealServerSlices.
//
// +kubebuilder:object:root=true
type RealServerSliceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RealServerSlice `json:"items"`
}
