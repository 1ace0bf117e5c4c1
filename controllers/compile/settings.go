// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// compileSettings lists what the directors' kernels are to be set to; what nobody asked for and has no default is not in it.
func compileSettings(spec v1alpha1.DirectorGroupSpec) v1alpha1.CompiledIPVSSettings {
	s := or(spec.IPVS, v1alpha1.IPVSSettings{})
	if spec.ConnectionSync != nil && s.BackupOnly == nil {
		s.BackupOnly = new(defaultBackupOnlyInSync)
	}
	timeouts := cmp.Or(s.Timeouts, &v1alpha1.IPVSTimeouts{})
	return v1alpha1.CompiledIPVSSettings{
		TCPTimeoutSeconds:    wholeSeconds(or(timeouts.TCP, metav1.Duration{})),
		TCPFinTimeoutSeconds: wholeSeconds(or(timeouts.TCPFin, metav1.Duration{})),
		UDPTimeoutSeconds:    wholeSeconds(or(timeouts.UDP, metav1.Duration{})),
		Sysctls:              compileSysctls(&s),
	}
}

func compileSysctls(s *v1alpha1.IPVSSettings) []v1alpha1.Sysctl {
	var list []v1alpha1.Sysctl
	add := func(name string, value int32) {
		list = append(list, v1alpha1.Sysctl{Name: "net.ipv4.vs." + name, Value: fmt.Sprint(value)})
	}
	add("expire_nodest_conn", number(or(s.ExpireNoDestConn, defaultExpireNoDestConn)))
	add("expire_quiescent_template", number(or(s.ExpireQuiescentTemplate, defaultExpireQuiescentTemplate)))
	add("conn_reuse_mode", or(s.ConnReuseMode, defaultConnReuseMode))
	for name, value := range map[string]*bool{
		"conntrack":       s.Conntrack,
		"nat_icmp_send":   s.NATICMPSend,
		"snat_reroute":    s.SNATReroute,
		"sloppy_tcp":      s.SloppyTCP,
		"sloppy_sctp":     s.SloppySCTP,
		"pmtu_disc":       s.PMTUDisc,
		"schedule_icmp":   s.ScheduleICMP,
		"ignore_tunneled": s.IgnoreTunneled,
		"cache_bypass":    s.CacheBypass,
		"run_estimation":  s.RunEstimation,
		"backup_only":     s.BackupOnly,

		"sync_persist_mode": s.SyncPersistMode,
	} {
		if value != nil {
			add(name, number(*value))
		}
	}
	for name, value := range map[string]*int32{
		"drop_entry":  s.DropEntry,
		"drop_packet": s.DropPacket,
		"secure_tcp":  s.SecureTCP,
		"am_droprate": s.AMDropRate,
		"amemthresh":  s.AMemThresh,

		"sync_retries":   s.SyncRetries,
		"sync_ports":     s.SyncPorts,
		"sync_qlen_max":  s.SyncQueueLength,
		"sync_sock_size": s.SyncSocketSize,
	} {
		if value != nil {
			add(name, *value)
		}
	}
	for name, value := range map[string]*metav1.Duration{
		"lblc_expiration":  s.LBLCExpiration,
		"lblcr_expiration": s.LBLCRExpiration,

		"sync_refresh_period": s.SyncRefreshPeriod,
	} {
		if value != nil {
			add(name, wholeSeconds(*value))
		}
	}
	if s.SyncThreshold != nil || s.SyncPeriod != nil {
		list = append(list, v1alpha1.Sysctl{
			Name:  "net.ipv4.vs.sync_threshold",
			Value: fmt.Sprintf("%d\t%d", or(s.SyncThreshold, defaultSyncThreshold), or(s.SyncPeriod, defaultSyncPeriod)),
		})
	}
	slices.SortFunc(list, func(a, b v1alpha1.Sysctl) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func number(on bool) int32 {
	if on {
		return 1
	}
	return 0
}

func wholeSeconds(d metav1.Duration) int32 { return int32(d.Duration / time.Second) }

// settingsConflict finds an older group with a director of this one that wants a setting to be something else: a kernel has
// each only once. A setting that one of the two does not name is no conflict.
func settingsConflict(g *group, older []*group) *Finding {
	own := settingsByField(g.settings)
	for _, other := range older {
		node, shared := sharedDirector(g, other)
		if !shared {
			continue
		}
		others := settingsByField(other.settings)
		for _, name := range sortedKeys(own) {
			if value, set := others[name]; set && value != own[name] {
				return &Finding{
					Condition: v1alpha1.ConditionAccepted,
					Reason:    v1alpha1.ReasonConflict,
					Message: fmt.Sprintf("%s is %s here and %s in DirectorGroup %s, which is older and has node %s as a director, too, and a kernel has it once; give both groups the same spec.ipvs, or separate their directors",
						name, own[name], value, other.Name, node),
				}
			}
		}
	}
	return nil
}

// settingsByField are the settings that are set, by the sysctl's name or the API's field.
func settingsByField(s v1alpha1.CompiledIPVSSettings) map[string]string {
	all := map[string]string{}
	for _, sysctl := range s.Sysctls {
		all[sysctl.Name] = sysctl.Value
	}
	for name, seconds := range map[string]int32{
		"ipvs.timeouts.tcp":    s.TCPTimeoutSeconds,
		"ipvs.timeouts.tcpFin": s.TCPFinTimeoutSeconds,
		"ipvs.timeouts.udp":    s.UDPTimeoutSeconds,
	} {
		if seconds != 0 {
			all[name] = fmt.Sprintf("%ds", seconds)
		}
	}
	return all
}
