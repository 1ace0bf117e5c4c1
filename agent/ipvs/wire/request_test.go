// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// asked is family 0x21 and message 7.
var asked = wire.Request{Family: 0x21, Sequence: 7}

func web() ipvs.Service {
	return ipvs.Service{
		Key:       ipvs.ServiceKey{Address: netip.MustParseAddr("192.0.2.10"), Port: 443, Protocol: ipvs.TCP},
		Scheduler: "wrr", Flags: ipvs.OnePacket, PersistenceTimeout: 300, PersistencePrefix: 24, PersistenceEngine: "sip",
	}
}

func tomcat() ipvs.Destination {
	return ipvs.Destination{
		Address: netip.MustParseAddr("2001:db8::11"), Port: 8443, Weight: 65535, UpperThreshold: 100, LowerThreshold: 50,
		Method: ipvs.Tunnelling, Tunnel: ipvs.Tunnel{Type: ipvs.GUE, Port: 6080, Flags: ipvs.TunnelChecksum},
	}
}

// dump is the bytes as hexadecimal, four to a group.
func dump(b []byte) string {
	var groups []string
	for ; len(b) > 4; b = b[4:] {
		groups = append(groups, hex.EncodeToString(b[:4]))
	}
	return strings.Join(append(groups, hex.EncodeToString(b)), " ")
}

func TestMessagesAreTheKernelsBytes(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the bytes below are those of a little-endian machine")
	}
	const (
		webKey = "06000100 02000000 06000200 06000000 08000300 c000020a 06000400 01bb0000"
		v6Key  = "06000100 0a000000 08000500 07000000" // mark 7
	)
	mark := ipvs.MarkKey(7, ipvs.IPv6)
	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"NEW_SERVICE": {
			asked.NewService(nil, web()),
			"64000000 21000100 07000000 00000000 01010000 50000180 " + webKey +
				" 08000600 77727200 0c000700 05000000 ffffffff 08000800 2c010000 08000900 ffffff00 08000b00 73697000",
		},
		"SET_SERVICE clears what is left out": {
			asked.SetService(nil, ipvs.Service{Key: mark, Scheduler: "dh"}),
			"4c000000 21000100 07000000 00000000 02010000 38000180 " + v6Key +
				" 07000600 64680000 0c000700 00000000 ffffffff 08000800 00000000 08000900 80000000",
		},
		"DEL_SERVICE": {
			asked.DelService(nil, mark),
			"28000000 21000100 07000000 00000000 03010000 14000180 " + v6Key,
		},
		"GET_SERVICE, all":  {asked.GetServices(nil), "14000000 21000103 07000000 00000000 04010000"},
		"SET_DEST":          {asked.SetDest(nil, mark, tomcat()), setDest},
		"DEL_DEST":          {asked.DelDest(nil, web().Key, netip.MustParseAddrPort("192.0.2.11:80")), delDest},
		"NEW_DAEMON":        {asked.NewDaemon(nil, ipvs.Daemon{State: ipvs.Backup, Interface: "eth0", ID: 7}), newDaemon},
		"DEL_DAEMON":        {asked.DelDaemon(nil, ipvs.Master), "20000000 21000100 07000000 00000000 0a010000 0c000380 08000100 01000000"},
		"SET_CONFIG, a few": {asked.SetConfig(nil, ipvs.Timeouts{TCPFin: 120}), "1c000000 21000100 07000000 00000000 0c010000 08000500 78000000"},
		"FLUSH":             {asked.Flush(nil), "14000000 21000100 07000000 00000000 11010000"},
		"CTRL GETFAMILY":    {wire.LookUp(nil, 7), "20000000 10000100 07000000 00000000 03020000 09000200 49505653 00000000"},
	} {
		if diff := cmp.Diff(c.want, dump(c.got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

const (
	setDest = "88000000 21000100 07000000 00000000 06010000 14000180 06000100 0a000000 08000500 07000000" +
		" 60000280 06000b00 0a000000 14000100 20010db8 00000000 00000000 00000011 06000200 20fb0000" +
		" 08000300 02000000 08000400 ffff0000 08000500 64000000 08000600 32000000" +
		" 05000d00 01000000 06000e00 17c00000 06000f00 01000000"
	delDest = "54000000 21000100 07000000 00000000 07010000 24000180 06000100 02000000 06000200 06000000 08000300 c000020a" +
		" 06000400 01bb0000 1c000280 06000b00 02000000 08000100 c000020b 06000200 00500000"
	newDaemon = "34000000 21000100 07000000 00000000 09010000 20000380 08000100 02000000 09000200 65746830 00000000 08000300 07000000"
)

func TestMessagesFollowOneAnotherInOneBuffer(t *testing.T) {
	alone := asked.NewDest(nil, web().Key, tomcat())
	both := asked.NewDest(asked.Flush(nil), web().Key, tomcat())
	if diff := cmp.Diff(dump(alone), dump(both[len(asked.Flush(nil)):])); diff != "" {
		t.Error(diff)
	}
}

func TestAcknowledgeSetsOneFlag(t *testing.T) {
	message := asked.Flush(nil)
	wire.Acknowledge(message)
	if flags := binary.NativeEndian.Uint16(message[6:]); flags != 0x5 { // NLM_F_REQUEST, NLM_F_ACK
		t.Errorf("flags %#x", flags)
	}
}

func TestNothingIsAllocatedForAMessage(t *testing.T) {
	buffer, service, destination := make([]byte, 0, 1024), web(), tomcat()
	if n := testing.AllocsPerRun(100, func() {
		b := asked.NewService(buffer, service)
		b = asked.NewDest(b, service.Key, destination)
		_ = asked.DelDest(b, service.Key, destination.Key())
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
