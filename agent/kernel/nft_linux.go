// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// errNoNFTables says that the kernel has no nf_tables.
var errNoNFTables = errors.New("the kernel has no nf_tables: load the module nf_tables on this node (modprobe nf_tables)")

// nft asks the kernel's nf_tables (linux/netfilter/nf_tables.h). It is a codec of our own because a library that passes over
// expressions that it does not know hides what somebody added to a rule, and because one transaction has one answer here,
// not one for each message in it.
type nft struct {
	// open opens a socket, or says errNoNFTables in a kernel without netfilter's netlink.
	open func() (*nl.SocketHandle, error)
	// socket is nil until open had one.
	socket *nl.SocketHandle
}

// openNFT opens netfilter's netlink in the calling thread's network namespace. A kernel that has none is asked again with each
// question, for somebody may load the module.
func openNFT() (nft, error) {
	n := nft{open: openNetfilter}
	if _, err := n.handle(); err != nil && !errors.Is(err, errNoNFTables) {
		return nft{}, err
	}
	return n, nil
}

func openNetfilter() (*nl.SocketHandle, error) {
	socket, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_NETFILTER)
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil, errNoNFTables
	}
	if err != nil {
		return nil, fmt.Errorf("open netlink for netfilter: %w", err)
	}
	timeout := unix.NsecToTimeval(answerTimeout.Nanoseconds())
	if err := errors.Join(socket.SetSendTimeout(&timeout), socket.SetReceiveTimeout(&timeout)); err != nil {
		socket.Close()
		return nil, fmt.Errorf("limit the wait for netlink: %w", err)
	}
	// A refusal need not repeat the message: those of a long transaction would not fit into the socket's buffer.
	_ = unix.SetsockoptInt(socket.GetFd(), unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	return &nl.SocketHandle{Socket: socket}, nil
}

// handle is the socket, opened if there is none.
func (n *nft) handle() (*nl.SocketHandle, error) {
	if n.socket != nil {
		return n.socket, nil
	}
	socket, err := n.open()
	if err != nil {
		return nil, err
	}
	n.socket = socket
	return socket, nil
}

func (n *nft) close() {
	if n.socket != nil {
		n.socket.Close()
	}
}

// ask sends one question and returns the answers' attributes, undecoded.
func (n *nft) ask(command, flags int, family uint8, about ...*nl.RtAttr) ([][]byte, error) {
	handle, err := n.handle()
	if err != nil {
		return nil, err
	}
	request := nftMessage(command, flags, family, about...)
	request.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_NETFILTER: handle}
	answers, err := request.Execute(unix.NETLINK_NETFILTER, 0)
	if err != nil {
		return nil, err
	}
	for i, answer := range answers {
		if len(answer) < nl.SizeofNfgenmsg {
			return nil, fmt.Errorf("answer of %d bytes is shorter than its header", len(answer))
		}
		answers[i] = answer[nl.SizeofNfgenmsg:]
	}
	return answers, nil
}

// askOne asks about one thing. The answer of an error has no attributes.
func (n *nft) askOne(command int, family uint8, about ...*nl.RtAttr) (attributes, error) {
	answers, err := n.ask(command, 0, family, about...)
	if err != nil {
		return nil, err
	}
	if len(answers) != 1 {
		return nil, fmt.Errorf("%d answers, want 1", len(answers))
	}
	return decodeAttributes(answers[0])
}

// generation is the number of the last change of any table, and errNoNFTables where there can be none.
func (n *nft) generation() (uint32, error) {
	answer, err := n.askOne(unix.NFT_MSG_GETGEN, unix.AF_UNSPEC)
	// This is how nfnetlink answers for a subsystem that it has not.
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
		return 0, errNoNFTables
	}
	return answer.network32(unix.NFTA_GEN_ID), err
}

// commit carries the messages out as one transaction: all of them or none. Only the last asks for an answer; the kernel
// answers for each that it refuses in any case, and it does so first.
func (n *nft) commit(messages []*nl.NetlinkRequest) error {
	handle, err := n.handle()
	if err != nil {
		return err
	}
	messages[len(messages)-1].Flags |= unix.NLM_F_ACK
	sequence := atomic.AddUint32(&handle.Seq, 1)
	var batch []byte
	for _, message := range append(append([]*nl.NetlinkRequest{nftBatch(unix.NFNL_MSG_BATCH_BEGIN)}, messages...), nftBatch(unix.NFNL_MSG_BATCH_END)) {
		message.Seq = sequence
		batch = append(batch, message.Serialize()...)
	}
	socket := handle.Socket
	socket.Lock()
	defer socket.Unlock()
	// A send is no larger than the socket's buffer. Without the right to a larger one the kernel may still take it.
	_ = unix.SetsockoptInt(socket.GetFd(), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, len(batch))
	if err := unix.Sendto(socket.GetFd(), batch, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	for {
		answers, _, err := socket.Receive()
		if err != nil {
			return err
		}
		for _, answer := range answers {
			if answer.Header.Seq == sequence && answer.Header.Type == unix.NLMSG_ERROR {
				return nftAnswer(answer.Data)
			}
		}
	}
}

// nftAnswer is the error in an answer (struct nlmsgerr); nil: done.
func nftAnswer(data []byte) error {
	if len(data) < 4 {
		return fmt.Errorf("answer of %d bytes is shorter than an error number", len(data))
	}
	switch number := -int32(nl.NativeEndian().Uint32(data)); syscall.Errno(number) {
	case 0:
		return nil
	case unix.EOPNOTSUPP:
		return errNoNFTables
	default:
		return syscall.Errno(number)
	}
}

// nftMessage is one message about nf_tables.
func nftMessage(command, flags int, family uint8, attributes ...*nl.RtAttr) *nl.NetlinkRequest {
	message := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|command, flags)
	message.AddData(&nl.Nfgenmsg{NfgenFamily: family, Version: unix.NFNETLINK_V0})
	for _, attribute := range attributes {
		message.AddData(attribute)
	}
	return message
}

// nftBatch begins or ends a transaction.
func nftBatch(kind int) *nl.NetlinkRequest {
	message := nl.NewNetlinkRequest(kind, 0)
	subsystem := binary.BigEndian.AppendUint16(nil, unix.NFNL_SUBSYS_NFTABLES)
	message.AddData(&nl.Nfgenmsg{Version: unix.NFNETLINK_V0, ResId: nl.NativeEndian().Uint16(subsystem)})
	return message
}

// network32 reads a number in network byte order, which all those of nf_tables are; 0 for one that is absent or too short.
func (a attributes) network32(kind uint16) uint32 {
	if value := a[kind]; len(value) >= 4 {
		return binary.BigEndian.Uint32(value)
	}
	return 0
}

// text reads a string.
func (a attributes) text(kind uint16) string { return unix.ByteSliceToString(a[kind]) }

// list reads the values of a list of attributes, in order.
func list(message []byte) ([][]byte, error) {
	var values [][]byte
	for len(message) >= unix.SizeofNlAttr {
		length := int(nl.NativeEndian().Uint16(message))
		if length < unix.SizeofNlAttr || length > len(message) {
			return nil, fmt.Errorf("netlink attribute has length %d, with %d bytes left", length, len(message))
		}
		values = append(values, message[unix.SizeofNlAttr:length])
		padded := (length + unix.NLA_ALIGNTO - 1) &^ (unix.NLA_ALIGNTO - 1)
		message = message[min(padded, len(message)):]
	}
	return values, nil
}

// network32 is a number in network byte order.
func network32(value uint32) []byte { return binary.BigEndian.AppendUint32(nil, value) }
