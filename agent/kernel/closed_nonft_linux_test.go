// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netlink/nl"
)

func TestWithoutNFTablesNothingIsClosedAndSaysWhatToLoad(t *testing.T) {
	k := &Kernel{}
	k.closed.nft.open = func() (*nl.SocketHandle, error) { return nil, errNoNFTables }
	if addresses, tampered, err := k.readClosed(t.Context()); len(addresses) > 0 || tampered || err != nil {
		t.Errorf("read %v, %t, %v", addresses, tampered, err)
	}
	if err := k.setClosed(nil); err != nil {
		t.Error(err)
	}
	err := k.setClosed([]netip.Addr{netip.MustParseAddr("192.0.2.10")})
	if !errors.Is(err, errNoNFTables) || !strings.Contains(err.Error(), "modprobe nf_tables") {
		t.Errorf("written: %v", err)
	}
}
