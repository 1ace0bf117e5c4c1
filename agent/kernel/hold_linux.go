// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// HoldTable is our nftables table of held packets, of family inet. It is no part of the table of marks, and nobody reads it back.
const HoldTable = "lvs-operator-hold"

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
	// To is the director that knows the connections, and the next hop of what is held: the packets of its family go there as they are,
	// but for their TTL. It has to be on the link of Interface. The zero value: held packets are dropped, and TCP sends them again.
	To netip.Addr
	// Interface is the link that this node shares with To, and without To nothing.
	Interface string
	// Period is from 1 ms to MaxHold.
	Period time.Duration
}

// holds is our tables of held packets, behind a socket that nobody else waits on.
type holds struct {
	// mu is held for one transaction.
	mu  sync.Mutex
	nft nft
	// made says that the table of what is held is as this process makes it, or gone; relays are the tables that send packets on.
	made   bool
	relays map[relayKey]relay
}

// Hold keeps, for a period, the packets of TCP connections that this director does not know from this node's own TCP. Both directors of
// a hand-over do so, as hosts of a link do not turn from one to the other all at once: the one that becomes Active, before it has been
// told of the other's connections, and the one that yields or stops, which may see packets of connections that began at the other. IPVS
// leaves such packets to this node, whose answer would end the connection. They are sent on to the other director, if it is named, and
// else dropped: TCP sends them again. Packets of connections that IPVS knows pass, and so do those that open one.
//
// A packet is sent on once: with a TTL or hop limit of 8, and only if it had more, so that one which neither director knows ends at the
// second. Of two calls within a period that name different directors of a family on one interface, the later one counts, and what the
// earlier one held for other addresses may be dropped.
//
// The kernel itself ends the hold, whatever becomes of this process. Holding what is held begins its period anew. With ErrNoRelay, which
// for want of a kernel module is said once, all is held but dropped. With another error nothing is: the hand-over then goes on without.
func (k *Kernel) Hold(held Held) error {
	elements, err := held.elements()
	if err == nil {
		err = k.hold(elements, held)
	}
	if err != nil {
		return fmt.Errorf("hold packets to %d virtual IPs and from %d real servers for %s: %w", len(held.Virtual), len(held.Servers), held.Period, err)
	}
	return nil
}

// hold puts elements into the tables. Where there is no such interface they are dropped alone.
func (k *Kernel) hold(elements map[string][]element, held Held) error {
	on := link{name: held.Interface}
	var lacking error
	if held.To.IsValid() {
		if on, lacking = k.link(held.Interface); lacking != nil {
			held.To = netip.Addr{}
		}
	}
	if err := k.holds.write(elements, held, on); err != nil {
		return err
	}
	return lacking
}

// link looks an interface up. The error is ErrNoRelay, too.
func (k *Kernel) link(name string) (link, error) {
	index, err := k.takeover.index(name)
	if err != nil {
		return link{}, fmt.Errorf("%w: look up the interface %s: %w", ErrNoRelay, name, advise(err))
	}
	return link{name, index}, nil
}

// PrepareHold makes the tables that Hold needs, with nothing held, and rehearses a Hold, so that the first one takes no longer than
// others: the table of what is held, and those to send packets on over the interfaces. What is as it should be stays; Hold makes the tables
// of an interface that is not named here. ErrNoRelay: held packets of a family will be dropped on an interface, for want of a kernel module
// or of the interface.
func (k *Kernel) PrepareHold(interfaces []string) error {
	k.holds.mu.Lock()
	defer k.holds.mu.Unlock()
	if !k.holds.made {
		if err := k.holds.make(); err != nil {
			return fmt.Errorf("prepare to hold packets: %w", err)
		}
	}
	var lacking []error
	for _, name := range interfaces {
		on, err := k.link(name)
		if err != nil {
			lacking = append(lacking, err)
			continue
		}
		lacking = append(lacking, k.holds.prepareRelay(on, ipvs.IPv4), k.holds.prepareRelay(on, ipvs.IPv6), k.holds.rehearse(on))
	}
	if err := errors.Join(lacking...); err != nil {
		return fmt.Errorf("prepare to hold packets: %w", err)
	}
	return nil
}

// rehearse holds for the shortest period what no packet comes from or goes to. A process that does something for the first time has to wait
// for the pages of its own program, and this one does it next when clients wait.
func (h *holds) rehearse(on link) error {
	for _, nobody := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		held := Held{
			Virtual: []netip.Addr{nobody}, Servers: []netip.AddrPort{netip.AddrPortFrom(nobody, 1)},
			To: nobody, Interface: on.name, Period: time.Millisecond,
		}
		elements, err := held.elements()
		if err == nil {
			err = h.put(elements, held, on)
		}
		if err != nil {
			return h.explain(err)
		}
	}
	return nil
}

// Unhold ends what is held and removes the tables, those of all interfaces and of an earlier process too, for a node that is no director
// any more; where there are none, or no nf_tables, it succeeds. Asking makes a kernel that may load modules load nf_tables.
func (k *Kernel) Unhold() error {
	k.holds.mu.Lock()
	defer k.holds.mu.Unlock()
	k.holds.made = false
	messages, err := k.holds.deleteRelayTables()
	if err == nil {
		err = k.holds.nft.commit(append(messages, ofHolds.delete()...))
	}
	if err != nil && !errors.Is(err, errNoNFTables) {
		return fmt.Errorf("delete the nftables tables %s and %s-*: %w", HoldTable, RelayTable, advise(err))
	}
	return nil
}

// write puts elements into the sets of our tables, which it makes where this process has not done so, or where somebody deleted them.
func (h *holds) write(elements map[string][]element, held Held, on link) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.made {
		// Before Linux 6.9 an element whose time ends between our adding and deleting it is not found either.
		if err := h.put(elements, held, on); !errors.Is(err, unix.ENOENT) {
			return h.explain(err)
		}
	}
	if err := h.make(); err != nil {
		return err
	}
	return h.explain(h.put(elements, held, on))
}

// put puts elements into every table, and makes the one that sends packets on if there is none.
func (h *holds) put(elements map[string][]element, held Held, on link) error {
	messages := refreshes(elements)
	if !held.To.IsValid() {
		return h.nft.commit(messages)
	}
	family := ipvs.FamilyOf(held.To)
	lacking := h.prepareRelay(on, family)
	if h.relaysOver(on, family) {
		messages = append(messages, relays(elements, held.To, on.name)...)
	}
	err := h.nft.commit(messages)
	// A map has another next hop for a key. Older kernels say EBUSY.
	if errors.Is(err, unix.EEXIST) || errors.Is(err, unix.EBUSY) {
		err = h.nft.commit(append(forgetHops(family, on.name), messages...))
	}
	if err != nil {
		return err
	}
	return lacking
}

// make makes the table of what is held anew, and removes those that send packets on: each of them is made when it is needed.
func (h *holds) make() error {
	// One that cannot be listed holds nothing, and is made anew before something is put into it.
	messages, _ := h.deleteRelayTables()
	err := h.nft.commit(append(messages, holdTable()...))
	h.made = err == nil
	return h.explain(err)
}

// explain says what to do about an answer.
func (h *holds) explain(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrNoRelay):
		return err
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("write the nftables table %s: the kernel lacks a part of nf_tables: load the module nft_counter on this node "+
			"(modprobe nft_counter): %w", HoldTable, err)
	default:
		return fmt.Errorf("write the nftables table %s: %w", HoldTable, advise(err))
	}
}
