// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// HoldTable is our nftables table of held packets, of family inet. It is no part of the table of marks, and nobody reads it back.
const HoldTable = "lvs-operator-hold"

// MaxHold is the longest period of a Hold. TCP sends again after 200 ms, 600 ms, 1.4 s and so on (RFC 6298 section 5, with Linux' least
// time-out); who is held for longer than a few seconds is better told that the connection is lost.
const MaxHold = 10 * time.Second

// holds is our table of held packets, behind a socket that nobody else waits on.
type holds struct {
	// mu is held for one transaction.
	mu  sync.Mutex
	nft nft
	// made says that the table is as this process makes it, or gone.
	made bool
}

// Hold drops, for a period of 1 ms to MaxHold, the packets of TCP connections that this director does not know: for one that becomes
// Active before it has been told of the other's connections. IPVS leaves such packets to this node, whose answer would end the
// connection; without an answer TCP sends them again.
//
// Dropped are packets to a virtual IP that IPVS did not take, but for a SYN and a RST; and packets that this node forwards from a real
// server's address and port without IPVS having translated them, which are answers of masquerading. Port 0 of a real server stands for
// every port. Packets of connections that IPVS knows pass, those of connections that end on this node, and those that open one.
//
// The kernel itself ends the hold, whatever becomes of this process. Holding what is held begins its period anew. All is held or, with
// an error, nothing: the hand-over then goes on without.
func (k *Kernel) Hold(virtual []netip.Addr, servers []netip.AddrPort, period time.Duration) error {
	elements, err := heldElements(virtual, servers, period)
	if err == nil {
		err = k.holds.write(refreshes(elements))
	}
	if err != nil {
		return fmt.Errorf("hold packets to %d virtual IPs and from %d real servers for %s: %w", len(virtual), len(servers), period, err)
	}
	return nil
}

// PrepareHold makes the table that Hold needs, with nothing held, so that the first Hold takes no longer than others.
func (k *Kernel) PrepareHold() error {
	if err := k.holds.write(nil); err != nil {
		return fmt.Errorf("prepare to hold packets: %w", err)
	}
	return nil
}

// Unhold ends what is held and removes the table, for a node that is no director any more; where there is none, or no nf_tables, it
// succeeds. Asking makes a kernel that may load modules load nf_tables.
func (k *Kernel) Unhold() error {
	k.holds.mu.Lock()
	defer k.holds.mu.Unlock()
	k.holds.made = false
	if err := k.holds.nft.commit(withoutTable(HoldTable)); err != nil && !errors.Is(err, errNoNFTables) {
		return fmt.Errorf("delete the nftables table %s: %w", HoldTable, advise(err))
	}
	return nil
}

// write puts elements into the sets of our table, which it makes where this process has not done so, or where somebody deleted it.
func (h *holds) write(elements []*nl.NetlinkRequest) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.made {
		if len(elements) == 0 {
			return nil
		}
		// Before Linux 6.9 an element whose time ends between our adding and deleting it is not found either.
		if err := h.nft.commit(elements); !errors.Is(err, unix.ENOENT) {
			return h.explain(err)
		}
	}
	err := h.nft.commit(append(holdTable(), elements...))
	h.made = err == nil
	return h.explain(err)
}

// explain says what to do about an answer.
func (h *holds) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("write the nftables table %s: the kernel lacks a part of nf_tables: load the module nft_counter on this node "+
			"(modprobe nft_counter): %w", HoldTable, err)
	default:
		return fmt.Errorf("write the nftables table %s: %w", HoldTable, advise(err))
	}
}
