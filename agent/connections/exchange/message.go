// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"encoding/binary"
	"errors"
)

// kind is what a datagram says.
type kind uint8

const (
	// ask wants every connection to be sent to the sync group.
	ask kind = 1
	// told says that they were.
	told kind = 2
)

// message is one datagram.
type message struct {
	kind kind
	// syncID is that of the two directors' sync daemons.
	syncID uint8
	// nonce is of the asker's choice; the answer repeats it.
	nonce uint64
	// connections is how many were sent.
	connections uint32
}

const (
	// magic begins each datagram, and version follows it.
	magic   = "LVSC"
	version = 1
	// messageSize is the length of each.
	messageSize = 20
)

// errNotOurs is the answer to a datagram that is no message, or of another version.
var errNotOurs = errors.New("not a question for connections, nor an answer")

func (m message) bytes() []byte {
	b := append(make([]byte, 0, messageSize), magic...)
	b = append(b, version, byte(m.kind), m.syncID, 0)
	b = binary.BigEndian.AppendUint64(b, m.nonce)
	return binary.BigEndian.AppendUint32(b, m.connections)
}

func parse(b []byte) (message, error) {
	if len(b) != messageSize || string(b[:len(magic)]) != magic || b[4] != version {
		return message{}, errNotOurs
	}
	m := message{kind: kind(b[5]), syncID: b[6], nonce: binary.BigEndian.Uint64(b[8:]), connections: binary.BigEndian.Uint32(b[16:])}
	if m.kind != ask && m.kind != told {
		return message{}, errNotOurs
	}
	return m, nil
}
