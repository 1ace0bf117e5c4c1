// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// monitor hears of changes to interfaces and addresses (rtnetlink(7)).
type monitor struct {
	fd     int
	buffer [1 << 15]byte
}

func openMonitor() (*monitor, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	groups := &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR}
	if err := unix.Bind(fd, groups); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("subscribe to interface changes: %w", err)
	}
	return &monitor{fd: fd}, nil
}

// concern says which addresses matter.
type concern struct {
	// source says whether a router sends from an address.
	source func(netip.Addr) bool
	// wanted says that a router has no address to send from.
	wanted bool
}

// mostMessages bounds what one drain reads.
const mostMessages = 512

// drain reads what is queued and reports whether any of it may concern the interface. Lost messages concern it.
func (m *monitor) drain(index int, about concern) bool {
	concerned := false
	for range mostMessages {
		n, err := unix.Read(m.fd, m.buffer[:])
		switch {
		case errors.Is(err, unix.ENOBUFS):
			concerned = true
		case err != nil:
			return concerned
		case n == len(m.buffer):
			concerned = true // perhaps cut
		default:
			concerned = concerned || concerns(m.buffer[:n], index, about)
		}
	}
	return concerned
}

func (m *monitor) close() { _ = unix.Close(m.fd) }

// concerns reports whether one of the messages is about the interface with that index, or about any while the index is
// 0. Virtual addresses come and go in thousands, so of addresses only two things matter: that the source goes, and that
// any comes while there is no source.
func concerns(messages []byte, index int, matter concern) bool {
	const offIndex = unix.SizeofNlMsghdr + 4 // in ifinfomsg and ifaddrmsg alike
	for len(messages) >= offIndex+4 {
		length := int(binary.NativeEndian.Uint32(messages))
		if length < offIndex+4 || length > len(messages) {
			return true
		}
		about := int(binary.NativeEndian.Uint32(messages[offIndex:]))
		switch binary.NativeEndian.Uint16(messages[4:]) {
		case unix.RTM_NEWLINK, unix.RTM_DELLINK:
			if index == 0 || about == index {
				return true
			}
		case unix.RTM_NEWADDR:
			if about == index && matter.wanted {
				return true
			}
		case unix.RTM_DELADDR:
			if about == index && matter.source(localAddress(messages[:length])) {
				return true
			}
		}
		aligned := (length + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1)
		messages = messages[min(aligned, len(messages)):]
	}
	return false
}

// localAddress returns the IFA_LOCAL attribute of an address message, the IFA_ADDRESS where it has none, or the zero value.
func localAddress(message []byte) netip.Addr {
	var found netip.Addr
	attributes := message[min(unix.SizeofNlMsghdr+unix.SizeofIfAddrmsg, len(message)):]
	for len(attributes) >= unix.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(attributes))
		if length < unix.SizeofRtAttr || length > len(attributes) {
			break
		}
		switch binary.NativeEndian.Uint16(attributes[2:]) {
		case unix.IFA_LOCAL:
			address, _ := netip.AddrFromSlice(attributes[unix.SizeofRtAttr:length])
			return address
		case unix.IFA_ADDRESS:
			found, _ = netip.AddrFromSlice(attributes[unix.SizeofRtAttr:length])
		}
		aligned := (length + unix.RTA_ALIGNTO - 1) &^ (unix.RTA_ALIGNTO - 1)
		attributes = attributes[min(aligned, len(attributes)):]
	}
	return found
}
