// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

var (
	echo = check.Echo{Asker: 0x0102, Sequence: 0xfffe, Token: 0x1122334455667788}
	// answer4 is what Linux answers to it, with an IPv4 header, from 192.0.2.11 to 192.0.2.1.
	answer4 = []byte{
		0x45, 0, 0, 36, 0, 1, 0, 0, 64, 1, 0, 0, 192, 0, 2, 11, 192, 0, 2, 1,
		0, 0, 0xed, 0xa9, 1, 2, 0xff, 0xfe, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	}
	answer6 = []byte{129, 0, 0xab, 0xcd, 1, 2, 0xff, 0xfe, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}
)

func TestEchoRequestIsThatOfRFC792And4443(t *testing.T) {
	var got [check.EchoSize]byte
	echo.Request4(&got)
	if want := append([]byte{8, 0, 0xe5, 0xa9}, answer4[24:]...); !bytes.Equal(got[:], want) {
		t.Errorf("IPv4: %x, want %x", got, want)
	}
	echo.Request6(&got)
	if want := append([]byte{128, 0, 0, 0}, answer6[4:]...); !bytes.Equal(got[:], want) {
		t.Errorf("IPv6: %x, want %x", got, want)
	}
}

func TestEchoAnswersAreRead(t *testing.T) {
	if from, got, ok := check.EchoAnswer4(answer4); !ok || got != echo || from != netip.MustParseAddr("192.0.2.11") {
		t.Errorf("IPv4: %v, %+v, %t", from, got, ok)
	}
	options := append([]byte{0x46}, answer4[1:20]...)
	options = append(append(options, 1, 1, 1, 0), answer4[20:]...)
	if from, got, ok := check.EchoAnswer4(options); !ok || got != echo || from != netip.MustParseAddr("192.0.2.11") {
		t.Errorf("IPv4 with options: %v, %+v, %t", from, got, ok)
	}
	if got, ok := check.EchoAnswer6(answer6); !ok || got != echo {
		t.Errorf("IPv6: %+v, %t", got, ok)
	}
}

func TestWhatIsNoEchoAnswerIsNotRead(t *testing.T) {
	with := func(packet []byte, at int, value byte) []byte {
		packet = bytes.Clone(packet)
		packet[at] = value
		return packet
	}
	for name, packet := range map[string][]byte{
		"nothing":                    nil,
		"a header alone":             answer4[:20],
		"cut":                        answer4[:35],
		"too long":                   append(bytes.Clone(answer4), 0),
		"a header that is too short": with(answer4, 0, 0x44),
		"a header beyond the end":    with(answer4, 0, 0x4f),
		"a request":                  with(with(answer4, 20, 8), 22, 0xe5),
		"a code":                     with(with(answer4, 21, 1), 23, 0xa8),
		"a wrong checksum":           with(answer4, 35, 0x89),
	} {
		if _, _, ok := check.EchoAnswer4(packet); ok {
			t.Errorf("IPv4, %s: read", name)
		}
	}
	for name, message := range map[string][]byte{
		"nothing":   nil,
		"cut":       answer6[:15],
		"too long":  append(bytes.Clone(answer6), 0),
		"a request": with(answer6, 0, 128),
		"a code":    with(answer6, 1, 1),
	} {
		if _, ok := check.EchoAnswer6(message); ok {
			t.Errorf("IPv6, %s: read", name)
		}
	}
}

// FuzzEchoAnswer reads what anybody may send, and writes what it has read to compare.
func FuzzEchoAnswer(f *testing.F) {
	f.Add(answer4)
	f.Add(answer6)
	f.Fuzz(func(t *testing.T, packet []byte) {
		var again [check.EchoSize]byte
		if _, got, ok := check.EchoAnswer4(packet); ok {
			got.Request4(&again)
			if said := packet[len(packet)-12:]; !bytes.Equal(again[4:], said) {
				t.Errorf("IPv4: %x was read as %x", said, again[4:])
			}
		}
		if got, ok := check.EchoAnswer6(packet); ok {
			got.Request6(&again)
			if said := packet[4:]; !bytes.Equal(again[4:], said) {
				t.Errorf("IPv6: %x was read as %x", said, again[4:])
			}
		}
	})
}
