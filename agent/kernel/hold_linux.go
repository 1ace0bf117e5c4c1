// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// HoldTable is our nftables table of held packets, of family inet. It is no part of the table of marks, and nobody reads it back.
const HoldTable = "lvs-operator-hold"

// ErrNoRelay says that the kernel cannot send held packets of a family on.
var ErrNoRelay = errors.New("held packets are dropped, and come again 0.2 s later")

// MaxHold is the longest period of a Hold. TCP sends again after 200 ms, 600 ms, 1.4 s and so on (RFC 6298 section 5, with Linux' least
// time-out); who is held for longer than a few seconds is better told that the connection is lost.
const MaxHold = 10 * time.Second

// Held are packets to hold, and where to send them meanwhile.
type Held struct {
	// Virtual are the virtual IPs: packets to them that IPVS did not take, but for a SYN and a RST.
	Virtual []netip.Addr
	// Servers are masquerading's real servers: packets that this node forwards from there without IPVS having translated them are
	// answers of connections. Port 0 stands for every port.
	Servers []netip.AddrPort
	// To is the director that knows the connections, and the next hop of what is held: the packets of its family go there as they are.
	// It has to be on a link of this node. The zero value: held packets are dropped, and TCP sends them again.
	To netip.Addr
	// Interface is that.
	Interface string
	// Period is from 1 ms to MaxHold.
	Period time.Duration
}

// holds is our tables of held packets, behind a socket that nobody else waits on.
type holds struct {
	// mu is held for one transaction.
	mu  sync.Mutex
	nft nft
	// made says that the tables are as this process makes them, or gone; relays are the families of which packets can be sent on.
	made   bool
	relays []ipvs.Family
}

// Hold keeps, for a period, the packets of TCP connections that this director does not know from this node's own TCP: for one that
// becomes Active before it has been told of the other's connections. IPVS leaves such packets to this node, whose answer would end
// the connection. They are sent on to the director that knows the connections, if it is named, and else dropped: TCP sends them again.
// Packets of connections that IPVS knows pass, and so do those that open one.
//
// The kernel itself ends the hold, whatever becomes of this process. Holding what is held begins its period anew. All is held or, with
// an error, nothing: the hand-over then goes on without.
func (k *Kernel) Hold(held Held) error {
	elements, err := held.elements()
	if err == nil {
		err = k.holds.write(elements, held)
	}
	if err != nil {
		return fmt.Errorf("hold packets to %d virtual IPs and from %d real servers for %s: %w", len(held.Virtual), len(held.Servers), held.Period, err)
	}
	return nil
}

// PrepareHold makes the tables that Hold needs, with nothing held, so that the first Hold takes no longer than others. ErrNoRelay: held
// packets of a family will be dropped, for want of a kernel module.
func (k *Kernel) PrepareHold([]string) error {
	k.holds.mu.Lock()
	defer k.holds.mu.Unlock()
	if k.holds.made {
		return nil
	}
	if err := k.holds.make(); err != nil {
		return fmt.Errorf("prepare to hold packets: %w", err)
	}
	return nil
}

// Unhold ends what is held and removes the tables, for a node that is no director any more; where there are none, or no nf_tables, it
// succeeds. Asking makes a kernel that may load modules load nf_tables.
func (k *Kernel) Unhold() error {
	k.holds.mu.Lock()
	defer k.holds.mu.Unlock()
	k.holds.made = false
	for _, table := range []nftTable{ofHolds, relayTable(ipvs.IPv4), relayTable(ipvs.IPv6)} {
		if err := k.holds.nft.commit(table.delete()); err != nil && !errors.Is(err, errNoNFTables) && !errors.Is(err, unix.EAFNOSUPPORT) {
			return fmt.Errorf("delete the nftables table %s: %w", table.name, advise(err))
		}
	}
	return nil
}

// write puts elements into the sets of our tables, which it makes where this process has not done so, or where somebody deleted them.
func (h *holds) write(elements map[string][]element, held Held) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.made {
		// Before Linux 6.9 an element whose time ends between our adding and deleting it is not found either.
		if err := h.nft.commit(h.messages(elements, held)); !errors.Is(err, unix.ENOENT) {
			return h.explain(err)
		}
	}
	if err := h.make(); err != nil && !errors.Is(err, ErrNoRelay) {
		return err
	}
	return h.explain(h.nft.commit(h.messages(elements, held)))
}

// messages put elements into every table.
func (h *holds) messages(elements map[string][]element, held Held) []*nl.NetlinkRequest {
	messages := refreshes(elements)
	if held.To.IsValid() && slices.Contains(h.relays, ipvs.FamilyOf(held.To)) {
		messages = append(messages, relays(elements, held.To)...)
	}
	return messages
}

// make makes our tables. Without what sends packets on they are dropped alone.
func (h *holds) make() error {
	h.relays = nil
	err := h.nft.commit(holdTable())
	h.made = err == nil
	if err != nil {
		return h.explain(err)
	}
	var lacking error
	for _, family := range []ipvs.Family{ipvs.IPv4, ipvs.IPv6} {
		switch err := h.nft.commit(newRelayTable(family)); {
		case err == nil:
			h.relays = append(h.relays, family)
		case errors.Is(err, unix.ENOENT):
			lacking = errors.Join(lacking, fmt.Errorf("%w: load the module nft_dup_%s on this node (modprobe nft_dup_%s)",
				ErrNoRelay, strings.ToLower(family.String()), strings.ToLower(family.String())))
		default:
			lacking = errors.Join(lacking, fmt.Errorf("%w: write the nftables table %s of %s: %w", ErrNoRelay, RelayTable, family, advise(err)))
		}
	}
	return lacking
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
