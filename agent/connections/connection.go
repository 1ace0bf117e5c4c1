// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"encoding/binary"
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// Connection is one entry of the kernel's connection table: a connection, or a persistence template.
type Connection struct {
	// Protocol is TCP, UDP or SCTP; 0 (IPPROTO_IP) for a template of a service by firewall mark.
	Protocol ipvs.Protocol
	// Client is whom the connection comes from. A template has port 0, and the address masked by the service's persistence prefix.
	Client netip.AddrPort
	// Virtual is where the client sends to, of the family of Client. A template has port 0 if it holds for all ports of the
	// address; one of a service by firewall mark has the mark instead of an address (Mark).
	Virtual netip.AddrPort
	// RealServer is where the director sends to. A template that holds for all ports has port 0.
	RealServer netip.AddrPort
	// State is the protocol's state by the kernel's number (IP_VS_TCP_S_*, IP_VS_UDP_S_*, IP_VS_SCTP_S_* of net/ip_vs.h), or
	// a template's (IP_VS_CTPL_S_*).
	State uint16
	// Expires is after how many seconds the entry goes if no packet comes, rounded down, 0 to 2147483647.
	Expires uint32
	// Template says that it is a persistence template: it keeps a client at its real server, and is no connection itself.
	Template bool
	// Synced says that the entry came from another director and not from a packet (IP_VS_CONN_F_SYNC).
	Synced bool
}

// Mark is the firewall mark of the service that a template is of, 1 to 4294967295; 0: the template is of a service by address, or
// it is a connection, whose entry does not tell. The kernel has the mark where the address is otherwise, as its first four bytes
// (ip_vs_sched_persist of ip_vs_core.c).
func (c Connection) Mark() uint32 {
	if !c.Template || c.Protocol != 0 {
		return 0
	}
	if c.Virtual.Addr().Is4() {
		address := c.Virtual.Addr().As4()
		return binary.BigEndian.Uint32(address[:])
	}
	address := c.Virtual.Addr().As16()
	return binary.BigEndian.Uint32(address[:4])
}

const (
	// ftpPort is the port whose connections the module ip_vs_ftp rewrites, unless it is told otherwise.
	ftpPort = 21
	// invalidated is the virtual port of a template whose real server went away (ip_vs_check_template of ip_vs_conn.c).
	invalidated = 0xffff
)

// Portable says whether another director can go on with the entry from what the table shows of it. It cannot with
//
//   - a masqueraded FTP control connection: ip_vs_ftp may have shifted its sequence numbers, by how much is not shown, and a
//     datagram that does not say it makes the other kernel forget what it knows;
//   - a connection that still waits for its client's port, which ip_vs_ftp expects;
//   - a template whose real server went away;
//   - addresses of different families, for which the protocol has no room.
func (c Connection) Portable(method ipvs.Method) bool {
	if c.Client.Addr().Is4() != c.Virtual.Addr().Is4() || c.Client.Addr().Is4() != c.RealServer.Addr().Is4() {
		return false
	}
	if c.Template {
		return c.Virtual.Port() != invalidated || c.RealServer.Port() != invalidated
	}
	ftp := c.Protocol == ipvs.TCP && c.Virtual.Port() == ftpPort && method == ipvs.Masquerade
	return !ftp && c.Client.Port() != 0
}
