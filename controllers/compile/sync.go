// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"fmt"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// compileSync fills in what the group leaves out; nil: it has no connection sync. The sync id is that of the first of the older
// groups that shares a director, else the first virtual router's, which no other group on the link has.
func compileSync(g *group, older []*group) *v1alpha1.CompiledConnectionSync {
	sync := g.Spec.ConnectionSync
	if sync == nil {
		return nil
	}
	id := g.ids[0]
	for _, other := range older {
		if _, shared := sharedDirector(g, other); shared && other.sync != nil {
			id = other.sync.SyncID
			break
		}
	}
	return &v1alpha1.CompiledConnectionSync{
		SyncID:    or(sync.SyncID, id),
		Interface: cmp.Or(sync.Interface, g.Spec.Interface),
		Group:     cmp.Or(sync.Group, defaultSyncGroup),
		Port:      or(sync.Port, defaultSyncPort),
		TTL:       or(sync.TTL, defaultSyncTTL),
		MaxLength: or(sync.MaxLength, 0),
	}
}

// syncConflict finds an older group with a director of this one that wants other sync daemons: a kernel has one pair.
func syncConflict(g *group, older []*group) *Finding {
	if g.sync == nil {
		return nil
	}
	for _, other := range older {
		node, shared := sharedDirector(g, other)
		if !shared || other.sync == nil || *other.sync == *g.sync {
			continue
		}
		return &Finding{
			Condition: v1alpha1.ConditionAccepted,
			Reason:    v1alpha1.ReasonConflict,
			Message: fmt.Sprintf("connectionSync is %s here and %s in DirectorGroup %s, which is older and has node %s as a director, too, and a kernel has it once; give both groups the same spec.connectionSync, or separate their directors",
				syncText(g.sync), syncText(other.sync), other.Name, node),
		}
	}
	return nil
}

func syncText(s *v1alpha1.CompiledConnectionSync) string {
	return fmt.Sprintf("(syncID %d, interface %s, group %s, port %d, ttl %d, maxLength %d)", s.SyncID, s.Interface, s.Group, s.Port, s.TTL, s.MaxLength)
}

// syncing is the group itself, or the oldest that shares a director with it, whose kernels run sync daemons; nil: none does.
func (g *group) syncing() *group {
	if g.sync != nil {
		return g
	}
	for _, peer := range g.peers {
		if peer.sync != nil {
			return peer
		}
	}
	return nil
}

// syncMismatch finds a member of another family than the service on directors with connection sync: the messages between sync
// daemons have one family a connection, so the kernel refuses such a real server (ip_vs_genl_set_cmd, EINVAL).
func (g *group) syncMismatch(service *v1alpha1.VirtualService, member sample, _ v1alpha1.ForwardingMethod) *Finding {
	syncing, family := g.syncing(), familyOf(service)
	if syncing == nil || member.family == family {
		return nil
	}
	return &Finding{
		Condition: v1alpha1.ConditionAccepted,
		Reason:    v1alpha1.ReasonSyncMismatch,
		Message: fmt.Sprintf("is %s and the service is %s, which the kernel refuses with the connectionSync of DirectorGroup %s; use an %s address of the real server, or a group without connectionSync on other directors",
			member.family, family, syncing.Name, family),
	}
}
