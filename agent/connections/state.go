// SPDX-License-Identifier: Apache-2.0

package connections

import "github.com/lvs-operator/lvs-operator/agent/ipvs"

// The states' names by the kernel's number: tcp_state_name_table of ip_vs_proto_tcp.c, udp_state_name_table of ip_vs_proto_udp.c,
// sctp_state_name_table of ip_vs_proto_sctp.c, ip_vs_ctpl_state_name_table of ip_vs_proto.c.
var (
	tcpStates = [...]string{
		"NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "SYNACK",
	}
	udpStates  = [...]string{"UDP"}
	sctpStates = [...]string{
		"NONE", "INIT1", "INIT", "C-SENT", "C-REPLIED", "C-WAIT", "COOKIE", "C-ECHOED", "ESTABLISHED", "S-SENT", "S-RECEIVED",
		"S-ACK-SENT", "REJECTED", "CLOSED",
	}
	templateStates = [...]string{"NONE", "ASSURED"}
)

// The states in which a connection is active (tcp_state_active_table of ip_vs_proto_tcp.c, set_sctp_state of ip_vs_proto_sctp.c).
const (
	tcpEstablished  = 1
	tcpSynSent      = 2
	tcpSynReceived  = 3
	tcpSynAck       = 10
	sctpEstablished = 8
)

// number is the state's number, and false for a name that is not in the table.
func number(names []string, name []byte) (uint16, bool) {
	for i, known := range names {
		if string(name) == known {
			return uint16(i), true
		}
	}
	return 0, false
}

// active says whether the kernel counts the connection among its real server's active ones. No template is, and no UDP.
func (c Connection) active() bool {
	switch {
	case c.Template:
		return false
	case c.Protocol == ipvs.TCP:
		return c.State == tcpEstablished || c.State == tcpSynSent || c.State == tcpSynReceived || c.State == tcpSynAck
	default:
		return c.Protocol == ipvs.SCTP && c.State == sctpEstablished
	}
}
