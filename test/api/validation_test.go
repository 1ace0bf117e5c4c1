// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package api

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// The objects that the tables change in one place. Each is valid as it stands.
const (
	groupYAML = `
apiVersion: lvs-operator.io/v1alpha1
kind: DirectorGroup
metadata: {name: valid}
spec:
  nodeSelector: {matchLabels: {director: "true"}}
  interface: eth0
  vrrp:
    virtualRouterID: 66
    priorities: [{node: d1, priority: 101}]
  addressPools: [{name: public, cidrs: [192.0.2.0/24], namespaceSelector: {}}]
`
	poolYAML = `
apiVersion: lvs-operator.io/v1alpha1
kind: RealServerPool
metadata: {name: valid, namespace: default}
spec:
  members: [{address: 192.0.2.111}]
  healthCheck: {tcp: {}}
`
	markYAML = `
apiVersion: lvs-operator.io/v1alpha1
kind: VirtualService
metadata: {name: valid, namespace: default}
spec:
  directorGroup: edge
  firewallMark: {mark: 100, match: [{addresses: [198.51.100.0/24], protocol: TCP, ports: [{port: 80}]}]}
  realServerPool: valid
`
	serviceYAML = `
apiVersion: lvs-operator.io/v1alpha1
kind: VirtualService
metadata: {name: valid, namespace: default}
spec:
  directorGroup: edge
  address: 192.0.2.10
  ports: [{name: http, port: 80}]
  realServerPool: valid
`
)

// try asks the API server whether it would take the object with one text replaced, and returns what it would store.
func try(t *testing.T, object, old, replacement string) (*unstructured.Unstructured, error) {
	t.Helper()
	if !strings.Contains(object, old) {
		t.Fatalf("%q is not in the object", old)
	}
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.Replace(object, old, replacement, 1)), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u, admin(t).Create(t.Context(), u, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
}

// What is said of addresses and networks of several fields.
const (
	notUnicast = "must be a unicast IPv4 or IPv6 address in canonical form, for example 192.0.2.10 or 2001:db8::10"
	notMember  = "must be a unicast IPv4 or IPv6 address in canonical form that is not link-local, for example 192.0.2.10 or 2001:db8::10"
	notNetwork = "must be a network in CIDR notation with its host bits zero, for example"
)

// hosts are so many networks of one address.
func hosts(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("192.0.2.%d/32", i)
	}
	return strings.Join(all, ", ")
}

const privateKey = `-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n`

// bundle is so many certificates as a string in YAML has them.
func bundle(n int) string {
	return strings.Repeat(`-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`, n)
}

func TestWrongObjectsAreRefusedWithAMessage(t *testing.T) {
	ensureDefaultNamespace(t)
	long := strings.Repeat("x", 64)
	for _, wrong := range []struct {
		name, object, old, replacement, message string
	}{
		{"an address that is none", serviceYAML, "192.0.2.10", "192.0.2.300", notUnicast},
		{"an address that is not canonical", serviceYAML, "192.0.2.10", `"2001:db8:0::1"`, notUnicast},
		{"an address in capitals", serviceYAML, "192.0.2.10", `"2001:DB8::1"`, notUnicast},
		{"an IPv4 address in IPv6's form", serviceYAML, "192.0.2.10", `"::ffff:192.0.2.10"`, notUnicast},
		{"a multicast address", serviceYAML, "192.0.2.10", "224.0.0.18", notUnicast},
		{"a link-local address", serviceYAML, "192.0.2.10", `"fe80::1"`, notUnicast},
		{"a loopback address", serviceYAML, "192.0.2.10", "127.0.0.1", notUnicast},
		{"no address", serviceYAML, "address: 192.0.2.10", "", "address is required with ports"},
		{"an address with a prefix length", serviceYAML, "192.0.2.10", "192.0.2.10/32", notUnicast},
		{"an address with a leading zero", serviceYAML, "192.0.2.10", "192.0.2.010", notUnicast},
		{"port 0 without persistence", serviceYAML, "port: 80", "port: 0", "port 0 needs persistence: the kernel refuses it otherwise"},
		{"port -1", serviceYAML, "port: 80", "port: -1", "spec.ports[0].port in body should be greater than or equal to 0"},
		{"port 65536", serviceYAML, "port: 80", "port: 65536", "spec.ports[0].port in body should be less than or equal to 65535"},
		{"no port", serviceYAML, "[{name: http, port: 80}]", "[]", "spec.ports in body should have at least 1 items"},
		{"a port without a name", serviceYAML, "name: http, ", "", "spec.ports[0].name: Required value"},
		{"a port name in capitals", serviceYAML, "name: http", "name: HTTP", "spec.ports[0].name in body should match"},
		{"one port twice", serviceYAML, "{name: http, port: 80}", "{name: a, port: 80}, {name: b, port: 80}", "no two ports may have the same number and protocol"},
		{"one port name twice", serviceYAML, "{name: http, port: 80}", "{name: a, port: 80}, {name: a, port: 81}", `Duplicate value: {"name":"a"}`},
		{"an unknown protocol", serviceYAML, "port: 80", "port: 80, protocol: ICMP", `Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"`},
		{"an unknown scheduler", serviceYAML, "address:", "scheduler: fastest\n  address:", `spec.scheduler: Unsupported value: "fastest": supported values: "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos"`},
		{"an unknown forwarding method", serviceYAML, "address:", "forwardingMethod: DR\n  address:", `Unsupported value: "DR": supported values: "DirectRouting", "Tunnel", "NAT"`},
		{"persistence of 0", serviceYAML, "address:", "persistence: {timeout: 0s}\n  address:", "timeout must be a whole number of seconds between 1s and 744h; leave persistence out to have none"},
		{"persistence of half a second", serviceYAML, "address:", "persistence: {timeout: 1500ms}\n  address:", "timeout must be a whole number of seconds between 1s and 744h; leave persistence out to have none"},
		{"persistence of 32 days", serviceYAML, "address:", "persistence: {timeout: 768h}\n  address:", "timeout must be a whole number of seconds between 1s and 744h; leave persistence out to have none"},
		{"no director group", serviceYAML, "directorGroup: edge", "", "spec.directorGroup: Required value"},
		{"no pool", serviceYAML, "realServerPool: valid", "", "spec.realServerPool: Required value"},
		{"ports and a mark", serviceYAML, "realServerPool:", "firewallMark: {mark: 1, match: [{addresses: [192.0.2.10/32]}]}\n  realServerPool:", "give ports or firewallMark, and not both"},
		{"neither ports nor a mark", serviceYAML, "ports: [{name: http, port: 80}]", "", "give ports or firewallMark, and not both"},
		{"FTP by DirectRouting", serviceYAML, "port: 80", "port: 21, applicationHelper: FTP", "applicationHelper needs forwardingMethod: NAT"},
		{"FTP on another port", serviceYAML, "port: 80}]", "port: 2121, applicationHelper: FTP}]\n  forwardingMethod: NAT", "applicationHelper: FTP is for port: 21 and protocol: TCP"},
		{"FTP over UDP", serviceYAML, "port: 80}]", "port: 21, protocol: UDP, applicationHelper: FTP}]\n  forwardingMethod: NAT", "applicationHelper: FTP is for port: 21 and protocol: TCP"},
		{"an unknown helper", serviceYAML, "port: 80", "port: 80, applicationHelper: SIP", `Unsupported value: "SIP": supported values: "FTP"`},
		{"another scheduler's flag", serviceYAML, "address:", "scheduler: mh\n  schedulerFlags: [sh-port]\n  address:", "schedulerFlags must be the scheduler's"},
		{"a flag of a scheduler without flags", serviceYAML, "address:", "schedulerFlags: [mh-port]\n  address:", "schedulerFlags must be the scheduler's"},
		{"an unknown flag", serviceYAML, "address:", "scheduler: sh\n  schedulerFlags: [sh-fast]\n  address:", `Unsupported value: "sh-fast"`},
		{"one flag twice", serviceYAML, "address:", "scheduler: sh\n  schedulerFlags: [sh-port, sh-port]\n  address:", `Duplicate value: "sh-port"`},
		{"SIP over TCP", serviceYAML, "address:", "persistence: {engine: sip}\n  address:", "persistence.engine: sip reads SIP over UDP; give every port protocol: UDP"},
		{"an unknown engine", serviceYAML, "address:", "persistence: {engine: http}\n  address:", `Unsupported value: "http": supported values: "sip"`},
		{"33 bits of an IPv4 client", serviceYAML, "address:", "persistence: {prefixLength: 33}\n  address:", "persistence.prefixLength must be at most 32 for IPv4"},
		{"33 bits of a marked IPv4 client", markYAML, "realServerPool:", "persistence: {prefixLength: 33}\n  realServerPool:", "persistence.prefixLength must be at most 32 for IPv4"},
		{"129 bits of a client", serviceYAML, "address: 192.0.2.10", "persistence: {prefixLength: 129}\n  address: \"2001:db8::10\"", "spec.persistence.prefixLength in body should be less than or equal to 128"},
		{"no bit of a client", serviceYAML, "address:", "persistence: {prefixLength: 0}\n  address:", "spec.persistence.prefixLength in body should be greater than or equal to 1"},
		{"one-packet scheduling of TCP", serviceYAML, "address:", "onePacketScheduling: true\n  address:", "onePacketScheduling is for UDP only; give every port protocol: UDP"},
		{"SIP by a mark of TCP", markYAML, "realServerPool:", "persistence: {engine: sip}\n  realServerPool:", "persistence.engine: sip reads SIP over UDP; give every match of firewallMark protocol: UDP"},
		{"SIP by a mark of all protocols", markYAML, "protocol: TCP, ports: [{port: 80}]}]}", "protocol: UDP}, {addresses: [192.0.2.0/24]}]}\n  persistence: {engine: sip}", "persistence.engine: sip reads SIP over UDP; give every match of firewallMark protocol: UDP"},
		{"one-packet scheduling by a mark of TCP", markYAML, "realServerPool:", "onePacketScheduling: true\n  realServerPool:", "onePacketScheduling is for UDP only; give every match of firewallMark protocol: UDP"},
		{"one-packet scheduling by a mark of all protocols", markYAML, "protocol: TCP, ports: [{port: 80}]}]}", "interface: eth0}]}\n  onePacketScheduling: true", "onePacketScheduling is for UDP only; give every match of firewallMark protocol: UDP"},
		{"a drain of half a second", serviceYAML, "address:", "drain: {udp: 500ms}\n  address:", "must be a whole number of seconds between 0s and 24h"},
		{"a quorum of nothing", serviceYAML, "address:", "quorum: {weight: 0}\n  address:", "spec.quorum.weight in body should be greater than or equal to 1"},
		{"a hysteresis that is the quorum", serviceYAML, "address:", "quorum: {weight: 3, hysteresis: 3}\n  address:", "hysteresis must be less than weight: the quorum could never be lost otherwise"},
		{"a hysteresis of a quorum of one", serviceYAML, "address:", "quorum: {hysteresis: 1}\n  address:", "hysteresis must be less than weight: the quorum could never be lost otherwise"},
		{"a sorry server behind an address that is gone", serviceYAML, "address:", "quorum: {withdrawAddress: true}\n  sorryServer: {address: 192.0.2.9}\n  address:", "the sorryServer is reached by the address: leave sorryServer or quorum.withdrawAddress out"},
		{"a panic threshold and a sorry server", serviceYAML, "address:", "panicThreshold: 50\n  sorryServer: {address: 192.0.2.9}\n  address:", "leave sorryServer and quorum.withdrawAddress out, or panicThreshold"},
		{"a panic threshold of more than all", serviceYAML, "address:", "panicThreshold: 101\n  address:", "spec.panicThreshold in body should be less than or equal to 100"},
		{"a sorry server without an address", serviceYAML, "address:", "sorryServer: {port: 80}\n  address:", "spec.sorryServer.address: Required value"},
		{"a sorry server by name", serviceYAML, "address:", "sorryServer: {address: sorry.example}\n  address:", "must be a unicast IPv4 or IPv6 address in canonical form"},
		{"a slow start of half a second", serviceYAML, "address:", "slowStart: 500ms\n  address:", "slowStart must be a whole number of seconds between 0s and 1h"},
		{"a slow start of two hours", serviceYAML, "address:", "slowStart: 2h\n  address:", "slowStart must be a whole number of seconds between 0s and 1h"},
		{"a drain of two days", serviceYAML, "address:", "drain: {tcp: 48h}\n  address:", "must be a whole number of seconds between 0s and 24h"},
		{"GUE without a port", serviceYAML, "address:", "tunnel: {type: GUE}\n  address:", "type: GUE needs a port"},
		{"GRE with a port", serviceYAML, "address:", "tunnel: {type: GRE, port: 6080}\n  address:", "type: GUE needs a port, on which the real server unwraps packets; the other types have none"},
		{"IPIP with a checksum", serviceYAML, "address:", "tunnel: {checksum: Outer}\n  address:", "IPIP has no checksum"},
		{"GRE with a remote checksum", serviceYAML, "address:", "tunnel: {type: GRE, checksum: Remote}\n  address:", "checksum: Remote exists for type: GUE only"},

		{"mark 0", markYAML, "mark: 100", "mark: 0", "spec.firewallMark.mark in body should be greater than or equal to 1"},
		{"a mark of 33 bits", markYAML, "mark: 100", "mark: 4294967296", "spec.firewallMark.mark in body should be less than or equal to 4294967295"},
		{"a mark of nothing", markYAML, "[{addresses: [198.51.100.0/24], protocol: TCP, ports: [{port: 80}]}]", "[]", "spec.firewallMark.match in body should have at least 1 items"},
		{"a match of nothing", markYAML, "[198.51.100.0/24]", "[]", "addresses in body should have at least 1 items"},
		{"a match with host bits", markYAML, "198.51.100.0/24", "198.51.100.1/24", notNetwork},
		{"a source without a length", markYAML, "protocol:", "sourceAddresses: [192.0.2.1], protocol:", notNetwork},
		{"destinations of two families", markYAML, "198.51.100.0/24", "198.51.100.0/24, \"2001:db8::/64\"", "all networks of a virtual service must be of one family"},
		{"matches of two families", markYAML, "match: [", "match: [{addresses: [\"2001:db8::/64\"]}, ", "all networks of a virtual service must be of one family"},
		{"sources of another family", markYAML, "protocol:", "sourceAddresses: [\"2001:db8::/64\"], protocol:", "all networks of a virtual service must be of one family"},
		{"a next hop of another family", markYAML, "realServerPool:", "address: \"2001:db8::10\"\n  realServerPool:", "address must be of the family, IPv4 or IPv6, of the networks that firewallMark matches"},
		{"ports without a protocol", markYAML, "protocol: TCP, ", "", "ports need a protocol; add protocol: TCP, UDP or SCTP"},
		{"ports that end before they begin", markYAML, "port: 80", "port: 80, endPort: 79", "endPort must not be less than port"},
		{"an interface with a space", markYAML, "protocol:", "interface: eth 0, protocol:", "interface in body should match"},
		{"129 networks", markYAML, "match: [", "match: [" + strings.Repeat("{addresses: ["+hosts(32)+"]}, ", 4), "match may hold at most 128 networks in all, destinations and sources together"},
		{"129 port ranges", markYAML, "match: [", "match: [" + strings.Repeat("{addresses: [192.0.2.0/24], protocol: TCP, ports: ["+strings.Repeat("{port: 1}, ", 31)+"{port: 1}]}, ", 4), "match may hold at most 128 port ranges in all"},

		{"a misspelt field", serviceYAML, "address:", "sheduler: rr\n  address:", `unknown field "spec.sheduler"`},

		{"a negative weight", poolYAML, "192.0.2.111", "192.0.2.111, weight: -1", "spec.members[0].weight in body should be greater than or equal to 0"},
		{"a weight over 65535", poolYAML, "192.0.2.111", "192.0.2.111, weight: 65536", "spec.members[0].weight in body should be less than or equal to 65535"},
		{"a member's port 0", poolYAML, "192.0.2.111", "192.0.2.111, port: 0", "spec.members[0].port in body should be greater than or equal to 1"},
		{"a member that is a name", poolYAML, "192.0.2.111", "tomcat-1", notMember},
		{"one member twice", poolYAML, "{address: 192.0.2.111}", "{address: 192.0.2.111}, {address: 192.0.2.111}", `Duplicate value: {"address":"192.0.2.111"}`},
		{"a member of nothing", poolYAML, "192.0.2.111", "0.0.0.0", notMember},
		{"a multicast member", poolYAML, "192.0.2.111", `"ff02::12"`, notMember},
		{"a link-local member", poolYAML, "192.0.2.111", `"fe80::1"`, notMember},
		{"a lower threshold alone", poolYAML, "192.0.2.111", "192.0.2.111, lowerThreshold: 1", "lowerThreshold needs an upperThreshold that is not less"},
		{"a lower threshold above the upper", poolYAML, "192.0.2.111", "192.0.2.111, lowerThreshold: 11, upperThreshold: 10", "lowerThreshold needs an upperThreshold that is not less"},
		{"a negative threshold", poolYAML, "192.0.2.111", "192.0.2.111, upperThreshold: -1", "upperThreshold in body should be greater than or equal to 0"},
		{"a member's unknown method", poolYAML, "192.0.2.111", "192.0.2.111, forwardingMethod: GUE", `Unsupported value: "GUE": supported values: "DirectRouting", "Tunnel", "NAT"`},
		{"a member's GUE without a port", poolYAML, "192.0.2.111", "192.0.2.111, tunnel: {type: GUE}", "type: GUE needs a port"},
		{"a check of port 0", poolYAML, "{tcp: {}}", "{tcp: {}, port: 0}", "spec.healthCheck.port in body should be greater than or equal to 1"},
		{"a health check of nothing", poolYAML, "{tcp: {}}", "{interval: 1s}", "want one kind of check: tcp, http, tls, grpc, udp, smtp, dns or ping"},
		{"a check of two kinds", poolYAML, "{tcp: {}}", "{tcp: {}, http: {}}", "want one kind of check: tcp, http, tls, grpc, udp, smtp, dns or ping"},
		{"a path without a slash", poolYAML, "{tcp: {}}", "{http: {path: healthz}}", "path must begin with a slash"},
		{"a path of two lines", poolYAML, "{tcp: {}}", `{http: {path: "/a\nb"}}`, "path must begin with a slash"},
		{"a host of two words", poolYAML, "{tcp: {}}", `{http: {host: "a b"}}`, "host must be a name or an address"},
		{"a request that changes something", poolYAML, "{tcp: {}}", "{http: {method: POST}}", "Unsupported value"},
		{"a header field that the check sends", poolYAML, "{tcp: {}}", "{http: {headers: [{name: Content-length, value: x}]}}", "none of Host, Connection, Content-Length, Transfer-Encoding"},
		{"a header field of the connection", poolYAML, "{tcp: {}}", "{http: {headers: [{name: keep-Alive, value: x}]}}", "Upgrade, Keep-Alive, Proxy-Connection, TE and Trailer"},
		{"a header field of two lines", poolYAML, "{tcp: {}}", `{http: {headers: [{name: A, value: "b\r\nC: d"}]}}`, "value must be printable ASCII"},
		{"a status that does not exist", poolYAML, "{tcp: {}}", `{http: {statuses: ["600"]}}`, "statuses must be one from 100 to 599 each"},
		{"a range of statuses from its end", poolYAML, "{tcp: {}}", `{http: {statuses: ["299-200"]}}`, "statuses must be one from 100 to 599 each"},
		{"a body that is no expression", poolYAML, "{tcp: {}}", `{http: {bodyRegex: "("}}`, "bodyRegex"},
		{"a body of HEAD", poolYAML, "{tcp: {}}", "{http: {method: HEAD, bodyRegex: x}}", "the answer to HEAD has no body"},
		{"a check of two kinds of packets", poolYAML, "{tcp: {}}", "{udp: {}, ping: {}}", "want one kind of check: tcp, http, tls, grpc, udp, smtp, dns or ping"},
		{"a payload as text and in hex", poolYAML, "{tcp: {}}", "{udp: {payload: a, payloadHex: \"61\"}}", "give payload or payloadHex, and not both"},
		{"an answer as text and in hex", poolYAML, "{tcp: {}}", "{udp: {answerRegex: a, answerHex: \"61\"}}", "give answerRegex or answerHex, and not both"},
		{"a payload of more bytes than letters", poolYAML, "{tcp: {}}", "{udp: {payload: " + strings.Repeat("\u00e4", 257) + "}}", "payload may have at most 512 bytes"},
		{"half a byte of payload", poolYAML, "{tcp: {}}", "{udp: {payloadHex: 0a0}}", "payloadHex must be two hexadecimal digits a byte"},
		{"a payload of 513 bytes", poolYAML, "{tcp: {}}", "{udp: {payloadHex: " + strings.Repeat("0a", 513) + "}}", "may not be more than 1024 bytes"},
		{"half a byte of any value", poolYAML, "{tcp: {}}", "{udp: {answerHex: 0a.0}}", "answerHex must be two hexadecimal digits a byte, or .. for any byte"},
		{"an answer that is no expression", poolYAML, "{tcp: {}}", `{udp: {answerRegex: "("}}`, "answerRegex"},
		{"an answer that demands nothing", poolYAML, "{tcp: {}}", `{udp: {answerRegex: ""}}`, "answerRegex in body should be at least 1 chars long"},
		{"a greeting of two lines", poolYAML, "{tcp: {}}", `{smtp: {helo: "a\r\nRSET"}}`, "helo must be a domain name or an address in brackets"},
		{"a name of an empty label", poolYAML, "{tcp: {}}", "{dns: {name: a..example}}", "name must be a domain name"},
		{"a name of a label that is too long", poolYAML, "{tcp: {}}", "{dns: {name: " + strings.Repeat("a", 64) + "}}", "name must be a domain name"},
		{"a name that is too long", poolYAML, "{tcp: {}}", "{dns: {name: " + strings.Repeat("a.", 126) + "bb}}", "name must be a domain name"},
		{"a record of no type", poolYAML, "{tcp: {}}", "{dns: {type: ANY}}", `Unsupported value: "ANY"`},
		{"DNS over something else", poolYAML, "{tcp: {}}", "{dns: {protocol: TLS}}", `Unsupported value: "TLS"`},
		{"an answer of the other family", poolYAML, "{tcp: {}}", `{dns: {name: a.example, type: A, answer: "2001:db8::1"}}`, "answer must be an IPv4 address for type A"},
		{"an answer that is no address", poolYAML, "{tcp: {}}", "{dns: {name: a.example, type: AAAA, answer: b.example}}", "answer must be an IPv4 address for type A"},
		{"an answer of two lines", poolYAML, "{tcp: {}}", `{dns: {type: TXT, answer: "a\nb"}}`, "answer must be printable ASCII"},
		{"a ping of a port", poolYAML, "{tcp: {}}", "{ping: {}, port: 7}", "ping is of the whole real server: leave port out"},
		{"an HTTP check and a TLS check", poolYAML, "{tcp: {}}", "{tls: {}, http: {}}", "want one kind of check: tcp, http, tls, grpc, udp, smtp, dns or ping"},
		{"a check of all kinds", poolYAML, "{tcp: {}}", "{tcp: {}, http: {}, tls: {}, grpc: {}}", "want one kind of check: tcp, http, tls, grpc, udp, smtp, dns or ping"},
		{"a server name with a port", poolYAML, "{tcp: {}}", "{tls: {serverName: \"[2001:db8::1]:443\"}}", "serverName must be a DNS name or an IP address without a port"},
		{"a server name of two words", poolYAML, "{tcp: {}}", "{http: {tls: {serverName: a b}}}", "serverName must be a DNS name or an IP address without a port"},
		{"a bundle that is none", poolYAML, "{tcp: {}}", "{tls: {caBundle: MIIB}}", "caBundle must be certificates in PEM"},
		{"a bundle with a private key", poolYAML, "{tcp: {}}", "{grpc: {tls: {caBundle: \"" + bundle(1) + privateKey + "\"}}}", "and no private keys"},
		{"a bundle of more than 16 KiB", poolYAML, "{tcp: {}}", "{tls: {caBundle: \"" + bundle(278) + "\"}}", "may not be more than 16384"},
		{"a bundle of no use", poolYAML, "{tcp: {}}", "{tls: {insecureSkipVerify: true, caBundle: \"" + bundle(1) + "\"}}", "insecureSkipVerify verifies nothing"},
		{"HTTP/3", poolYAML, "{tcp: {}}", "{http: {version: \"3\"}}", `Unsupported value: "3": supported values: "1.1", "2"`},
		{"a gRPC service of two words", poolYAML, "{tcp: {}}", "{grpc: {service: a b}}", "service must be printable ASCII without spaces"},
		{"an interval without a unit", poolYAML, "{tcp: {}}", `{tcp: {}, interval: "5"}`, "interval"},
		{"an interval that is too short", poolYAML, "{tcp: {}}", "{tcp: {}, interval: 99ms}", "interval must lie between 100ms and 24h"},
		{"an interval that is too long", poolYAML, "{tcp: {}}", "{tcp: {}, interval: 25h}", "interval must lie between 100ms and 24h"},
		{"a timeout of 0", poolYAML, "{tcp: {}}", "{tcp: {}, timeout: 0s}", "timeout must lie between 10ms and 5m"},
		{"a negative retry delay", poolYAML, "{tcp: {}}", "{tcp: {}, retryDelay: -1s}", "retryDelay must lie between 0s and 1h"},
		{"a weight from nowhere", poolYAML, "{tcp: {}}", "{http: {weightFrom: {}}}", "give header or bodyRegex, and not both"},
		{"a weight from everywhere", poolYAML, "{tcp: {}}", `{http: {weightFrom: {header: A, bodyRegex: "(.)"}}}`, "give header or bodyRegex, and not both"},
		{"a weight from no field", poolYAML, "{tcp: {}}", `{http: {weightFrom: {header: "A: b"}}}`, "spec.healthCheck.http.weightFrom.header in body should match"},
		{"a weight of no group", poolYAML, "{tcp: {}}", `{http: {weightFrom: {bodyRegex: "[0-9]+"}}}`, "bodyRegex must be a regular expression in RE2 syntax with one group in parentheses, around the number"},
		{"a weight in a body that never comes", poolYAML, "{tcp: {}}", `{http: {method: HEAD, weightFrom: {bodyRegex: "([0-9]+)"}}}`, "the answer to HEAD has no body: take weightFrom.header, or use GET"},
		{"a check by a third way", poolYAML, "{tcp: {}}", "{tcp: {}, via: Director}", "Unsupported value: \"Director\": supported values: \"RealServer\", \"VirtualIP\""},
		{"a ping through IPVS", poolYAML, "{tcp: {}}", "{ping: {}, via: VirtualIP}", "IPVS does not balance pings: set via: RealServer"},
		{"101 retries", poolYAML, "{tcp: {}}", "{tcp: {}, retries: 101}", "spec.healthCheck.retries in body should be less than or equal to 100"},
		{"no rise", poolYAML, "{tcp: {}}", "{tcp: {}, rise: 0}", "spec.healthCheck.rise in body should be greater than or equal to 1"},
		{"a rise of 101", poolYAML, "{tcp: {}}", "{tcp: {}, rise: 101}", "spec.healthCheck.rise in body should be less than or equal to 100"},
		{"flap damping of nothing", poolYAML, "{tcp: {}}", "{tcp: {}, flapDamping: {}}", "spec.healthCheck.flapDamping.falls: Required value"},
		{"flap damping without a hold", poolYAML, "{tcp: {}}", "{tcp: {}, flapDamping: {falls: 2, window: 1m}}", "spec.healthCheck.flapDamping.holdDown: Required value"},
		{"flap damping at the first fall", poolYAML, "{tcp: {}}", "{tcp: {}, flapDamping: {falls: 1, window: 1m, holdDown: 1m}}", "spec.healthCheck.flapDamping.falls in body should be greater than or equal to 2"},
		{"flap damping after 17 falls", poolYAML, "{tcp: {}}", "{tcp: {}, flapDamping: {falls: 17, window: 1m, holdDown: 1m}}", "spec.healthCheck.flapDamping.falls in body should be less than or equal to 16"},
		{"flap damping within too short a time", poolYAML, "{tcp: {}}", "{tcp: {}, flapDamping: {falls: 2, window: 999ms, holdDown: 1m}}", "window must lie between 1s and 24h"},
		{"flap damping within too long a time", poolYAML, "{tcp: {}}", "{tcp: {}, flapDamping: {falls: 2, window: 25h, holdDown: 1m}}", "window must lie between 1s and 24h"},
		{"too short a hold", poolYAML, "{tcp: {}}", "{tcp: {}, flapDamping: {falls: 2, window: 1m, holdDown: 0s}}", "holdDown must lie between 1s and 24h"},
		{"too long a hold", poolYAML, "{tcp: {}}", "{tcp: {}, flapDamping: {falls: 2, window: 1m, holdDown: 25h}}", "holdDown must lie between 1s and 24h"},
		{"an unknown set-up", poolYAML, "members:", "setup: Maybe\n  members:", `Unsupported value: "Maybe": supported values: "Automatic", "Manual"`},

		{"router id 0", groupYAML, "virtualRouterID: 66", "virtualRouterID: 0", "spec.vrrp.virtualRouterID in body should be greater than or equal to 1"},
		{"router id 256", groupYAML, "virtualRouterID: 66", "virtualRouterID: 256", "spec.vrrp.virtualRouterID in body should be less than or equal to 255"},
		{"no virtual router", groupYAML, "virtualRouterID: 66", "virtualRouters: 0", "spec.vrrp.virtualRouters in body should be greater than or equal to 1"},
		{"17 virtual routers", groupYAML, "virtualRouterID: 66", "virtualRouters: 17", "spec.vrrp.virtualRouters in body should be less than or equal to 16"},
		{"priorities in several virtual routers", groupYAML, "virtualRouterID: 66", "virtualRouters: 2", "priorities need virtualRouters: 1"},
		{"advertised addresses of several virtual routers", groupYAML, "virtualRouterID: 66\n    priorities: [{node: d1, priority: 101}]", "virtualRouters: 2\n    advertisedAddresses: [192.0.2.200]", "advertisedAddresses need virtualRouters: 1"},
		{"a gateway with several virtual routers", groupYAML, "vrrp:\n    virtualRouterID: 66\n    priorities: [{node: d1, priority: 101}]", "gatewayAddresses: [192.0.2.254]\n  vrrp:\n    virtualRouters: 2", "gatewayAddresses need vrrp.virtualRouters: 1"},
		{"a low priority in several virtual routers", groupYAML, "virtualRouterID: 66\n    priorities: [{node: d1, priority: 101}]", "virtualRouters: 2\n    defaultPriority: 99", "defaultPriority must be at least 100 with several virtual routers"},
		{"an excluded id of 256", groupYAML, "virtualRouterID: 66", "excludedVirtualRouterIDs: [256]", "spec.vrrp.excludedVirtualRouterIDs[0] in body should be less than or equal to 255"},
		{"version 1", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    version: 1", `spec.vrrp.version: Unsupported value: 1: supported values: "2", "3"`},
		{"priority 255", groupYAML, "priority: 101", "priority: 255", "spec.vrrp.priorities[0].priority in body should be less than or equal to 254"},
		{"priority 0", groupYAML, "priority: 101", "priority: 0", "spec.vrrp.priorities[0].priority in body should be greater than or equal to 1"},
		{"two priorities of one node", groupYAML, "{node: d1, priority: 101}", "{node: d1, priority: 101}, {node: d1, priority: 102}", `Duplicate value: {"node":"d1"}`},
		{"half seconds in version 2", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    version: 2\n    advertisementInterval: 1500ms", "advertisementInterval must be a whole number of seconds with version 2; use version: 3 for shorter intervals"},
		{"10 ms in version 2", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    version: 2\n    advertisementInterval: 10ms", "advertisementInterval must be at least 1s with version 2; use version: 3 for shorter intervals"},
		{"41 s in version 3", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    advertisementInterval: 41s", "advertisementInterval must be at most 40.95s with version 3"},
		{"1 ms", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    advertisementInterval: 1ms", "advertisementInterval must lie between 10ms and 255s"},
		{"a password in version 3", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    authentication: {type: Password, secretRef: {name: s}}", "authentication exists in version 2 only (RFC 2338); RFC 9568 removed it from version 3"},
		{"authentication by AH", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    version: 2\n    authentication: {type: AH, secretRef: {name: s}}", `Unsupported value: "AH": supported values: "Password"`},
		{"a preemption delay of 20 minutes", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    preemptDelay: 20m", "preemptDelay must lie between 0s and 1000s"},
		{"a unicast peer alone", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    unicast: {addresses: [192.0.2.114]}", "spec.vrrp.unicast.addresses in body should have at least 2 items"},
		{"a unicast peer by name", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    unicast: {addresses: [d1, d2]}", "must be an IP address, for example 192.0.2.114"},
		{"an unknown checksum", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    checksum: None", `Unsupported value: "None"`},
		{"a virtual MAC address and unicast", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    virtualMAC: true\n    unicast: {addresses: [192.0.2.112, 192.0.2.114]}", "virtualMAC excludes unicast"},
		{"an empty list of advertised addresses", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    advertisedAddresses: []", "spec.vrrp.advertisedAddresses in body should have at least 1 items"},
		{"an advertised network", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    advertisedAddresses: [192.0.2.0/24]", "must be an IP address, for example 192.0.2.200"},
		{"moving together as a sentence", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    moveTogether: Both sides", "spec.vrrp.moveTogether in body should match"},
		{"announced 65 times", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    announcements: {repeat: 65}", "spec.vrrp.announcements.repeat in body should be less than or equal to 64"},
		{"refreshed all the time", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    announcements: {refresh: 10ms}", "refresh must lie between 1s and 24h"},
		{"no interface", groupYAML, "interface: eth0", `interface: ""`, "spec.interface in body should be at least 1 chars long"},
		{"an interface of 16 characters", groupYAML, "interface: eth0", "interface: abcdefghijklmnop", "may not be more than 15"},
		{"an interface with a slash", groupYAML, "interface: eth0", "interface: eth/0", "spec.interface in body should match"},
		{"no address pool", groupYAML, "[{name: public, cidrs: [192.0.2.0/24], namespaceSelector: {}}]", "[]", "spec.addressPools in body should have at least 1 items"},
		{"host bits in a network", groupYAML, "192.0.2.0/24", "192.0.2.1/24", notNetwork},
		{"a network without a length", groupYAML, "192.0.2.0/24", "192.0.2.0", notNetwork},
		{"host bits in an IPv6 network", groupYAML, "192.0.2.0/24", `"2001:db8::1/64"`, notNetwork},
		{"a network twice", groupYAML, "192.0.2.0/24", "192.0.2.0/24, 192.0.2.0/24", `Duplicate value: "192.0.2.0/24"`},
		{"a mark pool that ends before it begins", groupYAML, "interface:", "markPools: [{name: m, first: 2, last: 1, cidrs: [0.0.0.0/0]}]\n  interface:", "first must not be greater than last"},
		{"a mark pool from 0", groupYAML, "interface:", "markPools: [{name: m, first: 0, last: 1, cidrs: [0.0.0.0/0]}]\n  interface:", "spec.markPools[0].first in body should be greater than or equal to 1"},
		{"a mark pool without networks", groupYAML, "interface:", "markPools: [{name: m, first: 1, last: 2}]\n  interface:", "spec.markPools[0].cidrs: Required value"},
		{"a mark pool with host bits", groupYAML, "interface:", "markPools: [{name: m, first: 1, last: 2, cidrs: [192.0.2.1/24]}]\n  interface:", notNetwork},
		{"a time-out of 0", groupYAML, "interface:", "ipvs: {timeouts: {tcp: 0s}}\n  interface:", "must be a whole number of seconds between 1s and 596h"},
		{"a time-out that the kernel cannot count", groupYAML, "interface:", "ipvs: {timeouts: {udp: 596h1s}}\n  interface:", "must be a whole number of seconds between 1s and 596h"},
		{"a time-out of half a second", groupYAML, "interface:", "ipvs: {timeouts: {tcpFin: 500ms}}\n  interface:", "must be a whole number of seconds between 1s and 596h"},
		{"an expiration of 0", groupYAML, "interface:", "ipvs: {lblcExpiration: 0s}\n  interface:", "must be a whole number of seconds between 1s and 596h"},
		{"an expiration that the kernel cannot count", groupYAML, "interface:", "ipvs: {lblcrExpiration: 597h}\n  interface:", "must be a whole number of seconds between 1s and 596h"},
		{"an expiration of half a second", groupYAML, "interface:", "ipvs: {lblcrExpiration: 500ms}\n  interface:", "must be a whole number of seconds between 1s and 596h"},
		{"an unknown reuse mode", groupYAML, "interface:", "ipvs: {connReuseMode: 4}\n  interface:", "spec.ipvs.connReuseMode in body should be less than or equal to 3"},
		{"a defence's state for its mode", groupYAML, "interface:", "ipvs: {dropEntry: 2}\n  interface:", `spec.ipvs.dropEntry: Unsupported value: 2: supported values: "0", "1", "3"`},
		{"a drop rate of 0", groupYAML, "interface:", "ipvs: {amDropRate: 0}\n  interface:", "spec.ipvs.amDropRate in body should be greater than or equal to 1"},
		{"backup_only with connection sync", groupYAML, "interface:", "connectionSync: {}\n  ipvs: {backupOnly: true}\n  interface:", "ipvs.backupOnly excludes connectionSync"},
		{"a sync id of 0", groupYAML, "interface:", "connectionSync: {syncID: 0}\n  interface:", "spec.connectionSync.syncID in body should be greater than or equal to 1"},
		{"a sync id of 256", groupYAML, "interface:", "connectionSync: {syncID: 256}\n  interface:", "spec.connectionSync.syncID in body should be less than or equal to 255"},
		{"a unicast group", groupYAML, "interface:", "connectionSync: {group: 192.0.2.1}\n  interface:", "must be an IPv4 or IPv6 multicast address in canonical form"},
		{"a group that is not canonical", groupYAML, "interface:", "connectionSync: {group: \"ff02:0::81\"}\n  interface:", "must be an IPv4 or IPv6 multicast address in canonical form"},
		{"sync port 0", groupYAML, "interface:", "connectionSync: {port: 0}\n  interface:", "spec.connectionSync.port in body should be greater than or equal to 1"},
		{"a sync ttl of 256", groupYAML, "interface:", "connectionSync: {ttl: 256}\n  interface:", "spec.connectionSync.ttl in body should be less than or equal to 255"},
		{"a length that a backup does not take", groupYAML, "interface:", "connectionSync: {maxLength: 1023}\n  interface:", "spec.connectionSync.maxLength in body should be greater than or equal to 1024"},
		{"a length that IPv6 has no room for", groupYAML, "interface:", "connectionSync: {maxLength: 65488}\n  interface:", "spec.connectionSync.maxLength in body should be less than or equal to 65487"},
		{"a sync threshold above the default period", groupYAML, "interface:", "ipvs: {syncThreshold: 50}\n  interface:", "syncThreshold (default 3) must be less than syncPeriod (default 50), unless that is 0"},
		{"a sync period below the default threshold", groupYAML, "interface:", "ipvs: {syncPeriod: 3}\n  interface:", "syncThreshold (default 3) must be less than syncPeriod (default 50), unless that is 0"},
		{"three sync ports", groupYAML, "interface:", "ipvs: {syncPorts: 3}\n  interface:", "spec.ipvs.syncPorts: Unsupported value: 3"},
		{"a sync refresh of two hours", groupYAML, "interface:", "ipvs: {syncRefreshPeriod: 2h}\n  interface:", "must be a whole number of seconds between 0s and 1h"},
		{"a name of 64 characters", groupYAML, "name: valid", "name: " + long, "the name of a DirectorGroup has at most 63 characters: it is the value of a label on its slices"},
	} {
		t.Run(wrong.name, func(t *testing.T) {
			_, err := try(t, wrong.object, wrong.old, wrong.replacement)
			if err == nil || !strings.Contains(err.Error(), wrong.message) {
				t.Errorf("answer: %v\nwant: %s", err, wrong.message)
			}
		})
	}
}

// schedulers are all that the kernel has.
var schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos"}

func TestRightObjectsAreTaken(t *testing.T) {
	ensureDefaultNamespace(t)
	for _, right := range []struct {
		name, object, old, replacement string
	}{
		{"the group", groupYAML, "eth0", "eth0"},
		{"the pool", poolYAML, "valid", "valid"},
		{"the service", serviceYAML, "valid", "valid"},
		{"all of IPv4", groupYAML, "192.0.2.0/24", "0.0.0.0/0"},
		{"the fastest VRRP", groupYAML, "virtualRouterID: 66", "virtualRouterID: 255\n    advertisementInterval: 10ms"},
		{"no router id", groupYAML, "virtualRouterID: 66", "excludedVirtualRouterIDs: [1, 255]"},
		{"several virtual routers", groupYAML, "virtualRouterID: 66\n    priorities: [{node: d1, priority: 101}]", "virtualRouters: 16\n    defaultPriority: 254"},
		{"the slowest VRRP", groupYAML, "virtualRouterID: 66", "virtualRouterID: 1\n    version: 2\n    advertisementInterval: 255s"},
		{"the slowest VRRP of version 3", groupYAML, "virtualRouterID: 66", "virtualRouterID: 1\n    advertisementInterval: 40950ms"},
		{"a password in version 2", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    version: 2\n    authentication: {type: Password, secretRef: {name: s}}"},
		{"all of VRRP's options", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    preemptDelay: 1000s\n    moveTogether: nat-1\n    unicast: {addresses: [192.0.2.112, 192.0.2.114]}\n    advertisedAddresses: [192.0.2.200]\n    checksum: WithoutPseudoHeader\n    announcements: {repeat: 1, delay: 300s, refresh: 24h}"},
		{"virtual IPs that accept nothing", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    acceptMode: false"},
		{"a virtual MAC address", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    virtualMAC: true"},
		{"unicast with the physical MAC address", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    virtualMAC: false\n    unicast: {addresses: [192.0.2.112, 192.0.2.114]}"},
		{"the service by mark", markYAML, "valid", "valid"},
		{"all of IPv6", groupYAML, "192.0.2.0/24", `"::/0"`},
		{"mark pools of both families", groupYAML, "interface:", "markPools: [{name: m, first: 1, last: 4294967295, cidrs: [0.0.0.0/0, \"::/0\"], namespaceSelector: {}}]\n  interface:"},
		{"all settings", groupYAML, "interface:", `ipvs:
    timeouts: {tcp: 596h, tcpFin: 1s, udp: 1m30s}
    expireNoDestConn: false
    expireQuiescentTemplate: false
    connReuseMode: 0
    conntrack: true
    natICMPSend: true
    snatReroute: false
    sloppyTCP: true
    sloppySCTP: true
    dropEntry: 1
    dropPacket: 3
    secureTCP: 1
    amDropRate: 1
    amemThresh: 0
    pmtuDisc: false
    scheduleICMP: true
    ignoreTunneled: true
    cacheBypass: true
    lblcExpiration: 1s
    lblcrExpiration: 596h
    runEstimation: false
    backupOnly: true
    syncThreshold: 0
    syncPeriod: 1
    syncRetries: 3
    syncPersistMode: true
    syncPorts: 64
    syncRefreshPeriod: 1h
    syncQueueLength: 0
    syncSocketSize: 0
  interface:`},
		{"connection sync by default, and no backup_only", groupYAML, "interface:", "connectionSync: {}\n  ipvs: {backupOnly: false}\n  interface:"},
		{"connection sync with all it has", groupYAML, "interface:", "connectionSync: {syncID: 255, interface: eth1, group: \"ff02::81\", port: 65535, ttl: 255, maxLength: 65487}\n  interface:"},
		{"a sync threshold without a period", groupYAML, "interface:", "ipvs: {syncThreshold: 100, syncPeriod: 0}\n  interface:"},
		{"an IPv6 address", serviceYAML, "address: 192.0.2.10", "persistence: {prefixLength: 64}\n  address: \"2001:db8::10\""},
		{"port 0 with persistence", serviceYAML, "{name: http, port: 80}]", "{name: rest, port: 0}]\n  persistence: {}"},
		{"FTP by NAT", serviceYAML, "port: 80}]", "port: 21, applicationHelper: FTP}]\n  forwardingMethod: NAT"},
		{"both flags of sh", serviceYAML, "address:", "scheduler: sh\n  schedulerFlags: [sh-port, sh-fallback]\n  address:"},
		{"both flags of mh", serviceYAML, "address:", "scheduler: mh\n  schedulerFlags: [mh-port, mh-fallback]\n  address:"},
		{"SIP over UDP, packet by packet", serviceYAML, "port: 80}]", "port: 5060, protocol: UDP}]\n  persistence: {engine: sip, prefixLength: 32}\n  onePacketScheduling: true"},
		{"SIP by mark, packet by packet", markYAML, "protocol: TCP, ports: [{port: 80}]}]}", "protocol: UDP}]}\n  persistence: {engine: sip}\n  onePacketScheduling: true"},
		{"one-packet scheduling by a mark of TCP that is off", markYAML, "realServerPool:", "onePacketScheduling: false\n  realServerPool:"},
		{"one-packet scheduling of TCP that is off", serviceYAML, "address:", "onePacketScheduling: false\n  address:"},
		{"a weight from a header", poolYAML, "{tcp: {}}", "{http: {method: HEAD, weightFrom: {header: X-Weight}}}"},
		{"a weight from a body", poolYAML, "{tcp: {}}", `{http: {weightFrom: {bodyRegex: "^weight: ([0-9]+)$"}}}`},
		{"a check by way of the virtual IP", poolYAML, "{tcp: {}}", "{tcp: {}, via: VirtualIP}"},
		{"all that follows from health", serviceYAML, "address:", "quorum: {weight: 3, hysteresis: 2}\n  sorryServer: {address: 192.0.2.9, port: 8080, forwardingMethod: NAT}\n  inhibitOnFailure: true\n  slowStart: 1m\n  address:"},
		{"a virtual IP that goes with the quorum", serviceYAML, "address:", "quorum: {withdrawAddress: true}\n  address:"},
		{"a panic threshold", serviceYAML, "address:", "panicThreshold: 100\n  quorum: {weight: 2}\n  address:"},
		{"no panic threshold, and a sorry server", serviceYAML, "address:", "panicThreshold: 0\n  sorryServer: {address: 192.0.2.9}\n  address:"},
		{"the longest and the shortest drain", serviceYAML, "address:", "drain: {tcp: 24h, udp: 0s}\n  address:"},
		{"GUE", serviceYAML, "address:", "forwardingMethod: Tunnel\n  tunnel: {type: GUE, port: 6080, checksum: Remote}\n  address:"},
		{"GRE", serviceYAML, "address:", "forwardingMethod: Tunnel\n  tunnel: {type: GRE, checksum: Outer}\n  address:"},
		{"the greatest mark", markYAML, "mark: 100", "mark: 4294967295"},
		{"a mark with a next hop", markYAML, "realServerPool:", "address: 192.0.2.10\n  realServerPool:"},
		{"a mark of IPv6", markYAML, "[198.51.100.0/24]", "[\"2001:db8:1::/48\"], sourceAddresses: [\"2001:db8::/32\"]"},
		{"a mark of all protocols", markYAML, "protocol: TCP, ports: [{port: 80}]", "interface: eth0"},
		{"128 networks", markYAML, "[198.51.100.0/24]", "[" + hosts(64) + "], sourceAddresses: [" + hosts(64) + "]"},
		{"a range of one port", markYAML, "port: 80", "port: 80, endPort: 80"},
		{"members of both families", poolYAML, "{address: 192.0.2.111}", "{address: 192.0.2.111}, {address: \"2001:db8::111\"}, {address: 127.0.0.1}"},
		{"a member with all of its own", poolYAML, "192.0.2.111", "192.0.2.111, forwardingMethod: Tunnel, tunnel: {type: GRE}, upperThreshold: 2147483647, lowerThreshold: 2147483647"},
		{"a check of another port", poolYAML, "{tcp: {}}", "{tcp: {}, port: 8080}"},
		{"the slowest rise", poolYAML, "{tcp: {}}", "{tcp: {}, rise: 100}"},
		{"the quickest and shortest flap damping", poolYAML, "{tcp: {}}", "{tcp: {}, flapDamping: {falls: 2, window: 1s, holdDown: 1s}}"},
		{"the slowest and longest flap damping", poolYAML, "{tcp: {}}", "{tcp: {}, flapDamping: {falls: 16, window: 24h, holdDown: 1440m}}"},
		{"a check by HTTP", poolYAML, "{tcp: {}}", "{http: {}}"},
		{"a check by HTTP with all there is", poolYAML, "{tcp: {}}",
			`{http: {method: GET, path: "/healthz?full=1", host: "[2001:db8::1]:8080", headers: [{name: X-Probe, value: "7"}], statuses: ["200-299", "401"], bodyRegex: "^(ok|fine)$"}}`},
		{"a check by UDP", poolYAML, "{tcp: {}}", "{udp: {}}"},
		{"a check by UDP in text", poolYAML, "{tcp: {}}", `{udp: {payload: "status\n", answerRegex: "^(ok|fine)$"}}`},
		{"a check by UDP in hex", poolYAML, "{tcp: {}}", "{udp: {payloadHex: " + strings.Repeat("0A", 512) + ", answerHex: 0a..fF}}"},
		{"a check by SMTP", poolYAML, "{tcp: {}}", "{smtp: {}}"},
		{"a check by SMTP with all there is", poolYAML, "{tcp: {}}", `{port: 587, smtp: {helo: "[IPv6:2001:db8::1]"}}`},
		{"a check by DNS", poolYAML, "{tcp: {}}", "{dns: {}}"},
		{"a check by DNS of the longest name", poolYAML, "{tcp: {}}", "{dns: {name: " + strings.Repeat("a.", 127) + "}}"},
		{"a check by DNS with all there is", poolYAML, "{tcp: {}}", `{dns: {name: _sip._udp.example.com., type: AAAA, protocol: TCP, answer: "2001:db8::1"}}`},
		{"a check of a record that is no address", poolYAML, "{tcp: {}}", "{dns: {name: example.com, type: MX, answer: 10 mail.example.com.}}"},
		{"a check by ping", poolYAML, "{tcp: {}}", "{ping: {}}"},
		{"a check by HTTP/2", poolYAML, "{tcp: {}}", `{http: {version: "2"}}`},
		{"a check by HTTPS", poolYAML, "{tcp: {}}", "{http: {tls: {}}}"},
		{"a check by HTTPS with all there is", poolYAML, "{tcp: {}}", `{http: {version: "1.1", tls: {serverName: "2001:db8::1", caBundle: "` + bundle(2) + `", insecureSkipVerify: false}}}`},
		{"a check by TLS", poolYAML, "{tcp: {}}", "{tls: {}}"},
		{"a check by TLS of any certificate", poolYAML, "{tcp: {}}", "{tls: {serverName: shop.example, insecureSkipVerify: true}}"},
		{"a check by TLS with the largest bundle", poolYAML, "{tcp: {}}", `{tls: {caBundle: "` + bundle(277) + `"}}`},
		{"a check by gRPC", poolYAML, "{tcp: {}}", "{grpc: {}}"},
		{"a check by gRPC with all there is", poolYAML, "{tcp: {}}", `{grpc: {service: shop.Orders, tls: {serverName: shop.example, caBundle: "` + bundle(1) + `"}}}`},
		{"one port over TCP and UDP", serviceYAML, "{name: http, port: 80}", "{name: a, port: 80}, {name: b, port: 80, protocol: UDP}"},
		{"the longest persistence", serviceYAML, "address:", "persistence: {timeout: 744h}\n  address:"},
		{"a pool without members", poolYAML, "[{address: 192.0.2.111}]", "[]"},
		{"a member that takes no new connections", poolYAML, "192.0.2.111", "192.0.2.111, weight: 0"},
		{"a retry at once", poolYAML, "{tcp: {}}", "{tcp: {}, retryDelay: 0s, retries: 0}"},
	} {
		t.Run(right.name, func(t *testing.T) {
			if _, err := try(t, right.object, right.old, right.replacement); err != nil {
				t.Error(err)
			}
		})
	}
	for _, scheduler := range schedulers {
		for _, method := range []string{"DirectRouting", "Tunnel", "NAT"} {
			fields := fmt.Sprintf("scheduler: %s\n  forwardingMethod: %s\n  address:", scheduler, method)
			if _, err := try(t, serviceYAML, "address:", fields); err != nil {
				t.Errorf("%s by %s: %v", scheduler, method, err)
			}
		}
	}
}

// TestTheLargestObjectsAreTaken holds the rules' cost: the API server gives up on an object whose validation takes too long.
func TestTheLargestObjectsAreTaken(t *testing.T) {
	ensureDefaultNamespace(t)
	var members, pools, marks []string
	for i := range 4096 {
		members = append(members, fmt.Sprintf(`{address: "2001:db8:1111:2222:3333:4444:5555:%x", upperThreshold: 2, lowerThreshold: 1, tunnel: {type: GUE, port: 6080, checksum: Remote}}`, 4096+i))
	}
	var networks [64]string
	for i := range networks {
		networks[i] = fmt.Sprintf(`"2001:db8:1111:2222:3333:4444:5555:%x/128"`, 4096+i)
	}
	cidrs := strings.Join(networks[:], ", ")
	for i := range 64 {
		pools = append(pools, fmt.Sprintf("{name: p%d, cidrs: [%s]}", i, cidrs))
	}
	for i := range 16 {
		marks = append(marks, fmt.Sprintf("{name: m%d, first: 1, last: 2, cidrs: [%s]}", i, cidrs))
	}
	matches := strings.Repeat(fmt.Sprintf("{addresses: [%s], sourceAddresses: [%s], protocol: TCP, ports: [%s]}, ",
		strings.Join(networks[:2], ", "), strings.Join(networks[:2], ", "), "{port: 1, endPort: 2}, {port: 3}, {port: 4}, {port: 5}"), 32)
	for name, large := range map[string]struct{ object, old, replacement string }{
		"pool":            {poolYAML, "{address: 192.0.2.111}", strings.Join(members, ", ")},
		"group":           {groupYAML, "[{name: public, cidrs: [192.0.2.0/24], namespaceSelector: {}}]", "[" + strings.Join(pools, ", ") + "]\n  markPools: [" + strings.Join(marks, ", ") + "]"},
		"service by mark": {markYAML, "[{addresses: [198.51.100.0/24], protocol: TCP, ports: [{port: 80}]}]", "[" + matches + "]"},
	} {
		if _, err := try(t, large.object, large.old, large.replacement); err != nil {
			t.Errorf("the largest %s: %.300s", name, err)
		}
	}
}

func TestDefaultsAreAsExplained(t *testing.T) {
	ensureDefaultNamespace(t)
	for _, tt := range []struct {
		object string
		want   map[string]any
	}{
		{groupYAML, map[string]any{
			"spec.vrrp.version": int64(3), "spec.vrrp.advertisementInterval": "1s", "spec.vrrp.defaultPriority": int64(100), "spec.vrrp.preempt": true, "spec.vrrp.acceptMode": true,
			"spec.vrrp.virtualRouters": int64(1),
		}},
		{strings.Replace(groupYAML, "interface:", "ipvs: {}\n  interface:", 1), map[string]any{
			"spec.ipvs.expireNoDestConn": true, "spec.ipvs.expireQuiescentTemplate": true, "spec.ipvs.connReuseMode": int64(3),
		}},
		{strings.Replace(poolYAML, "[{address: 192.0.2.111}]", "[]", 1), map[string]any{
			"spec.setup": "Automatic", "spec.healthCheck.interval": "5s", "spec.healthCheck.timeout": "3s", "spec.healthCheck.retries": int64(2), "spec.healthCheck.retryDelay": "1s",
			"spec.healthCheck.rise": int64(1), "spec.healthCheck.flapDamping": nil,
		}},
		{strings.Replace(serviceYAML, "address:", "persistence: {}\n  drain: {}\n  tunnel: {}\n  address:", 1), map[string]any{
			"spec.drain.tcp": "5m", "spec.drain.udp": "10s", "spec.drain.sctp": "5m", "spec.tunnel.type": "IPIP", "spec.tunnel.checksum": "None",
			"spec.scheduler": "wlc", "spec.forwardingMethod": "DirectRouting", "spec.persistence.timeout": "5m",
		}},
	} {
		stored, err := try(t, tt.object, "valid", "valid")
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range tt.want {
			if got, _, _ := unstructured.NestedFieldNoCopy(stored.Object, strings.Split(path, ".")...); got != want {
				t.Errorf("%s of %s is %v, want %v", path, stored.GetKind(), got, want)
			}
		}
	}
	stored, err := try(t, poolYAML, "valid", "valid")
	if err != nil {
		t.Fatal(err)
	}
	members, _, _ := unstructured.NestedSlice(stored.Object, "spec", "members")
	if weight := members[0].(map[string]any)["weight"]; weight != int64(1) {
		t.Errorf("a member's weight is %v, want 1", weight)
	}
}

// ensureDefaultNamespace makes the namespace default, in case the API server has not done so yet.
func ensureDefaultNamespace(t *testing.T) {
	t.Helper()
	err := admin(t).Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}})
	if err != nil && !strings.Contains(err.Error(), "already exists") {
		t.Fatal(err)
	}
}
