// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// onLink is the TTL, or hop limit, of datagrams that no router forwarded (RFC 5082).
const onLink = 255

// socket is a UDP socket of one family.
type socket struct {
	conn *net.UDPConn
	// receive returns a datagram's length, sender and TTL.
	receive func(b []byte) (n, ttl int, from net.Addr, err error)
}

func open4(port uint16) (*socket, error) {
	conn, err := listen("udp4", port)
	if err != nil {
		return nil, err
	}
	p := ipv4.NewPacketConn(conn)
	if err := errors.Join(p.SetControlMessage(ipv4.FlagTTL, true), p.SetTTL(onLink)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &socket{conn: conn, receive: func(b []byte) (int, int, net.Addr, error) {
		n, control, from, err := p.ReadFrom(b)
		if control == nil {
			return n, 0, from, err
		}
		return n, control.TTL, from, err
	}}, nil
}

func open6(port uint16) (*socket, error) {
	conn, err := listen("udp6", port)
	if err != nil {
		return nil, err
	}
	p := ipv6.NewPacketConn(conn)
	if err := errors.Join(p.SetControlMessage(ipv6.FlagHopLimit, true), p.SetHopLimit(onLink)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &socket{conn: conn, receive: func(b []byte) (int, int, net.Addr, error) {
		n, control, from, err := p.ReadFrom(b)
		if control == nil {
			return n, 0, from, err
		}
		return n, control.HopLimit, from, err
	}}, nil
}

func listen(network string, port uint16) (*net.UDPConn, error) {
	conn, err := net.ListenUDP(network, &net.UDPAddr{Port: int(port)})
	if err != nil {
		return nil, fmt.Errorf("listen on UDP port %d: %w", port, err)
	}
	return conn, nil
}

// read hands on what comes from the link, until the socket is closed.
func (s *socket) read(hear func(from netip.AddrPort, datagram []byte)) {
	buffer := make([]byte, messageSize+1)
	for {
		n, ttl, from, err := s.receive(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if sender, ok := from.(*net.UDPAddr); ok && err == nil && ttl == onLink {
			address := sender.AddrPort()
			hear(netip.AddrPortFrom(address.Addr().Unmap(), address.Port()), buffer[:n])
		}
	}
}

func (s *socket) send(to netip.AddrPort, datagram []byte) {
	_, _ = s.conn.WriteToUDPAddrPort(datagram, to)
}

func (s *socket) close() { _ = s.conn.Close() }
