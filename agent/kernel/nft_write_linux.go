// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"math"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Verdicts and hooks of linux/netfilter.h: NF_DROP, NF_ACCEPT, NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD.
const (
	nfDrop       = 0
	nfAccept     = 1
	nfPreRouting = 0
	nfLocalIn    = 1
	nfForward    = 2
)

// chainType is the type of a chain that neither translates addresses nor routes again.
const chainType = "filter"

// nftTable is a table's identity: names are apart by family.
type nftTable struct {
	family uint8 // NFPROTO_*
	name   string
}

// message is one about the table, or what is in it.
func (t nftTable) message(command, flags int, attributes ...*nl.RtAttr) *nl.NetlinkRequest {
	return nftMessage(command, flags, t.family, append(inTable(t.name), attributes...)...)
}

// delete deletes the table, which is added first so that it can be deleted.
func (t nftTable) delete() []*nl.NetlinkRequest {
	return []*nl.NetlinkRequest{t.add(), t.message(unix.NFT_MSG_DELTABLE, 0)}
}

func (t nftTable) add() *nl.NetlinkRequest {
	return t.message(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE)
}

// newChain makes a base chain that accepts what its rules do not.
func (t nftTable) newChain(chain string, hook uint32, priority int32) *nl.NetlinkRequest {
	at := nl.NewRtAttr(unix.NFTA_CHAIN_HOOK|unix.NLA_F_NESTED, nil)
	at.AddRtAttr(unix.NFTA_HOOK_HOOKNUM, network32(hook))
	at.AddRtAttr(unix.NFTA_HOOK_PRIORITY, network32(uint32(priority)))
	return t.message(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE,
		nl.NewRtAttr(unix.NFTA_CHAIN_NAME, nl.ZeroTerminated(chain)),
		nl.NewRtAttr(unix.NFTA_CHAIN_TYPE, nl.ZeroTerminated(chainType)),
		nl.NewRtAttr(unix.NFTA_CHAIN_POLICY, network32(nfAccept)),
		at,
	)
}

// newRule appends a rule to a chain.
func (t nftTable) newRule(chain string, rule []expression) *nl.NetlinkRequest {
	steps := nl.NewRtAttr(unix.NFTA_RULE_EXPRESSIONS|unix.NLA_F_NESTED, nil)
	for _, step := range rule {
		addStep(steps, step)
	}
	return t.message(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, nl.NewRtAttr(unix.NFTA_RULE_CHAIN, nl.ZeroTerminated(chain)), steps)
}

// addStep appends an expression to those of a rule.
func addStep(steps *nl.RtAttr, step expression) {
	one := steps.AddRtAttr(unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED, nil)
	one.AddRtAttr(unix.NFTA_EXPR_NAME, nl.ZeroTerminated(step.name))
	data := one.AddRtAttr(unix.NFTA_EXPR_DATA|unix.NLA_F_NESTED, nil)
	for kind := range uint16(math.MaxUint8) {
		if value, ok := step.attributes[kind]; ok {
			data.AddRtAttr(int(kind), value)
		}
	}
}

// inTable names a table. NFTA_TABLE_NAME and, for other kinds of messages, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE,
// NFTA_SET_TABLE and NFTA_SET_ELEM_LIST_TABLE are one number.
func inTable(table string) []*nl.RtAttr {
	return []*nl.RtAttr{nl.NewRtAttr(unix.NFTA_TABLE_NAME, nl.ZeroTerminated(table))}
}
