// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// ErrNoRelay says that held packets of a family cannot be sent on.
var ErrNoRelay = errors.New("held packets are dropped, and come again 0.2 s later")

// link is an interface, and the number that the kernel has given it now.
type link struct {
	name  string
	index int
}

// relayKey is what there is one relay table for.
type relayKey struct {
	link   string
	family ipvs.Family
}

// relay is what this process knows of a relay table.
type relay struct {
	// index is the number that the interface had when the table was made. An interface that is made again has another.
	index int
	// lacking says that the kernel could not make the table, which is not tried again for the same interface.
	lacking bool
}

// prepareRelay makes the relay table of an interface and a family, unless it is there for the interface's number of now. The error,
// ErrNoRelay, says once that it cannot be made.
func (h *holds) prepareRelay(on link, family ipvs.Family) error {
	key := relayKey{on.name, family}
	if made, ok := h.relays[key]; ok && made.index == on.index {
		return nil
	}
	err := h.nft.commit(newRelayTable(family, on))
	h.relays[key] = relay{index: on.index, lacking: err != nil}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOENT):
		module := "nft_dup_" + strings.ToLower(family.String())
		return fmt.Errorf("%w: load the module %s on this node (modprobe %s)", ErrNoRelay, module, module)
	default:
		return fmt.Errorf("%w: write the nftables table %s of %s: %w", ErrNoRelay, relayTable(family, on.name).name, family, advise(err))
	}
}

// relaysOver says whether there is a table that sends packets of a family on over an interface.
func (h *holds) relaysOver(on link, family ipvs.Family) bool {
	made, ok := h.relays[relayKey{on.name, family}]
	return ok && !made.lacking
}

// listTries is how often tables are listed while somebody changes them.
const listTries = 3

// listRelayTables lists the relay tables of both families that the kernel has, whoever made them.
func (h *holds) listRelayTables() ([]nftTable, error) {
	var found []nftTable
	for _, family := range []uint8{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6} {
		answers, err := h.nft.ask(unix.NFT_MSG_GETTABLE, unix.NLM_F_DUMP, family)
		for try := 1; errors.Is(err, nl.ErrDumpInterrupted) && try < listTries; try++ {
			answers, err = h.nft.ask(unix.NFT_MSG_GETTABLE, unix.NLM_F_DUMP, family)
		}
		switch {
		// This is how nfnetlink answers for a subsystem that it has not.
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
			return nil, errNoNFTables
		case err != nil:
			return nil, fmt.Errorf("list the nftables tables: %w", advise(err))
		}
		for _, answer := range answers {
			table, err := decodeAttributes(answer)
			if err != nil {
				return nil, fmt.Errorf("list the nftables tables: %w", err)
			}
			if name := table.text(unix.NFTA_TABLE_NAME); strings.HasPrefix(name, RelayTable+"-") {
				found = append(found, nftTable{family, name})
			}
		}
	}
	return found, nil
}

// deleteRelayTables deletes the relay tables that the kernel has, whoever made them.
func (h *holds) deleteRelayTables() ([]*nl.NetlinkRequest, error) {
	h.relays = map[relayKey]relay{}
	tables, err := h.listRelayTables()
	var messages []*nl.NetlinkRequest
	for _, table := range tables {
		messages = append(messages, table.delete()...)
	}
	return messages, err
}
