// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// What the kernel takes for the longest payload of a backup's datagrams, in bytes, and reads back unchanged in both families
// (start_sync_thread of net/netfilter/ipvs/ip_vs_sync.c).
const (
	minSyncLength = 1024
	maxSyncLength = math.MaxUint16 - 48
)

// daemons are the group's sync daemons. What cannot be used keeps its form in previous.
func (b *nodeBuilder) daemons(part v1alpha1.NodeDirectorGroup) []ipvs.Daemon {
	if part.ConnectionSync == nil {
		return nil
	}
	daemon, err := parseSync(*part.ConnectionSync)
	if err != nil {
		b.problem(v1alpha1.ProblemInvalid, part.Name, "connectionSync: "+err.Error()+"; correct it in the DirectorGroup")
		previous, _ := b.previous.group(part.Name)
		return slices.Clone(previous.Daemons)
	}
	master, backup := daemon, daemon
	master.State, backup.State = ipvs.Master, ipvs.Backup
	return []ipvs.Daemon{master, backup}
}

// parseSync is a daemon without its state.
func parseSync(s v1alpha1.CompiledConnectionSync) (ipvs.Daemon, error) {
	group, err := parseAddress(s.Group)
	switch {
	case err != nil:
		return ipvs.Daemon{}, fmt.Errorf("group: %w", err)
	case !group.IsMulticast():
		return ipvs.Daemon{}, fmt.Errorf("group %s: no multicast address", group)
	case s.Interface == "" || len(s.Interface) > 15 || strings.ContainsAny(s.Interface, "/: \t\n"):
		return ipvs.Daemon{}, fmt.Errorf("interface %q: not the name of an interface", s.Interface)
	case s.SyncID < 1 || s.SyncID > 255:
		return ipvs.Daemon{}, fmt.Errorf("syncID %d: want 1 to 255", s.SyncID)
	case s.Port < 1 || s.Port > math.MaxUint16:
		return ipvs.Daemon{}, fmt.Errorf("port %d: want 1 to 65535", s.Port)
	case s.TTL < 1 || s.TTL > math.MaxUint8:
		return ipvs.Daemon{}, fmt.Errorf("ttl %d: want 1 to 255", s.TTL)
	case s.MaxLength != 0 && (s.MaxLength < minSyncLength || s.MaxLength > maxSyncLength):
		return ipvs.Daemon{}, fmt.Errorf("maxLength %d: want %d to %d, or 0 for the kernel's choice", s.MaxLength, minSyncLength, maxSyncLength)
	}
	return ipvs.Daemon{
		Interface: s.Interface, ID: uint32(s.SyncID), MaxLength: uint16(s.MaxLength), Group: group,
		Port: uint16(s.Port), TTL: uint8(s.TTL),
	}, nil
}
