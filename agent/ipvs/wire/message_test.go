// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"encoding/binary"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// message is a netlink message with sequence number 7.
func message(kind, flags uint16, body ...byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(16+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, 7)
	b = binary.NativeEndian.AppendUint32(b, 0)
	return append(b, body...)
}

// refused is the error number that the kernel sends.
func refused(errno int32) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(-errno)) }

func TestMessagesAreToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		bytes []byte
		want  wire.Message
	}{
		"done":                   {message(2, 0, refused(0)...), wire.Message{Kind: wire.Verdict}},
		"refused":                {message(2, 0x100, refused(17)...), wire.Message{Kind: wire.Verdict, Errno: 17}},
		"end of a list":          {message(3, 2, refused(0)...), wire.Message{Kind: wire.End}},
		"end of a list, counted": {message(3, 2, refused(-5)...), wire.Message{Kind: wire.End}},
		"a list that failed":     {message(3, 2, refused(12)...), wire.Message{Kind: wire.End, Errno: 12}},
		"a list that changed":    {message(3, 0x10, refused(0)...), wire.Message{Kind: wire.End, Interrupted: true}},
		"nothing":                {message(1, 0), wire.Message{Kind: wire.Other}},
		"an answer":              {message(0x21, 2, 4, 1, 0, 0), wire.Message{Kind: wire.Answer}},
	} {
		got, rest, err := wire.Next(c.bytes)
		c.want.Sequence, c.want.Body = 7, got.Body
		if err != nil || len(rest) != 0 || got.Kind != c.want.Kind || got.Errno != c.want.Errno ||
			got.Interrupted != c.want.Interrupted || got.Sequence != 7 {
			t.Errorf("%s: read as %+v with %d bytes behind it, %v", name, got, len(rest), err)
		}
	}
}

func TestEveryMessageOfAReceiveIsRead(t *testing.T) {
	received := append(message(2, 0, refused(2)...), message(0x21, 2, 4, 1, 0, 0)...)
	received = append(received, message(3, 2, refused(0)...)...)
	var kinds []wire.Kind
	for len(received) > 0 {
		m, rest, err := wire.Next(received)
		if err != nil {
			t.Fatal(err)
		}
		kinds, received = append(kinds, m.Kind), rest
	}
	if len(kinds) != 3 || kinds[0] != wire.Verdict || kinds[1] != wire.Answer || kinds[2] != wire.End {
		t.Errorf("read %v", kinds)
	}
}

func TestMessagesThatAreNoneAreErrors(t *testing.T) {
	short := message(0x21, 0, 4, 1, 0, 0)
	for name, bytes := range map[string][]byte{
		"half a header":         short[:8],
		"longer than received":  short[:18],
		"length 0":              make([]byte, 16),
		"an error without one":  message(2, 0),
		"an end without number": message(3, 0, 0, 0),
		"no generic header":     message(0x21, 0, 4, 1),
	} {
		if m, _, err := wire.Next(bytes); err == nil {
			t.Errorf("%s: read as %+v", name, m)
		}
	}
}

func FuzzDecodeNeverPanicsAndEnds(f *testing.F) {
	f.Add(asked.NewService(nil, web()))
	f.Add(asked.NewDest(nil, web().Key, tomcat()))
	f.Add(asked.NewDaemon(nil, ipvs.Daemon{State: ipvs.Master, Interface: "eth0"}))
	f.Add(asked.SetConfig(asked.Flush(nil), ipvs.Timeouts{TCP: 1}))
	f.Add(append(message(2, 0, refused(2)...), message(3, 0x10, refused(0)...)...))
	f.Add(message(0x21, 0, append([]byte{1, 1, 0, 0}, attribute(1, attribute(12, counters(8, 1)))...)...))
	f.Add(message(0x21, 0, 1, 1, 0, 0, 8, 0, 1, 0, 4, 0, 6, 0))
	f.Add(message(0x21, 0, 1, 1, 0, 0, 9, 0, 1, 128, 5, 0, 6, 0, 'r')) // without its padding
	f.Fuzz(func(t *testing.T, received []byte) {
		for messages := 0; len(received) > 0; messages++ {
			m, rest, err := wire.Next(received)
			if err != nil {
				return
			}
			if len(rest) >= len(received) {
				t.Fatalf("message %d took nothing", messages)
			}
			received = rest
			decodeAll(t, m.Body)
		}
	})
}

// decodeAll reads a body as everything that it could be. What is read as a service or destination can be written.
func decodeAll(t *testing.T, body []byte) {
	if service, err := wire.DecodeService(body); err == nil {
		again, err := wire.DecodeService(mustBody(t, asked.NewService(nil, service)))
		if err == nil && again.Key != service.Key {
			t.Errorf("%+v, written and read: %+v", service.Key, again.Key)
		}
	}
	if destination, _, err := wire.DecodeDestination(body, ipvs.IPv6); err == nil {
		again, _, err := wire.DecodeDestination(mustBody(t, asked.NewDest(nil, web().Key, destination)), ipvs.IPv6)
		if err != nil || again != destination {
			t.Errorf("%+v, written and read: %+v, %v", destination, again, err)
		}
	}
	_, _ = wire.DecodeServiceStatistics(body)
	_, _ = wire.DecodeDestinationStatistics(body)
	_, _ = wire.DecodeDaemon(body)
	_, _ = wire.DecodeTimeouts(body)
	_, _ = wire.DecodeInfo(body)
	_, _ = wire.DecodeFamily(body)
}

func mustBody(t *testing.T, bytes []byte) []byte {
	m, _, err := wire.Next(bytes)
	if err != nil {
		t.Fatal(err)
	}
	return m.Body
}
