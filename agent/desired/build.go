// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// nodeBuilder collects what buildNode finds on its way.
type nodeBuilder struct {
	passwords Passwords
	previous  Node
	// routers are the virtual routers of all groups, before those that share a key are sorted out.
	routers  []routerCandidate
	problems []v1alpha1.Problem
}

// buildNode makes a Node of what the controller wrote. What cannot be used keeps its form in previous, or is left out.
func buildNode(node *v1alpha1.NodeState, passwords Passwords, previous Node) (Node, []v1alpha1.Problem) {
	if node == nil {
		return Node{}, nil
	}
	b := nodeBuilder{passwords: passwords, previous: previous}
	var built Node
	parts := slices.Clone(node.Spec.DirectorGroups)
	slices.SortFunc(parts, func(a, c v1alpha1.NodeDirectorGroup) int { return cmp.Compare(a.Name, c.Name) })
	for _, part := range parts {
		built.Groups = append(built.Groups, Group{
			Name: part.Name, Owned: b.owned(part), ProbeMarks: b.probeMarks(part), Settings: b.settings(part), Daemons: b.daemons(part),
		})
		b.groupRouters(part)
	}
	b.placeRouters(built.Groups)
	if node.Spec.RealServer != nil {
		built.RealServerAddresses = b.realServerAddresses(node.Spec.RealServer.Addresses)
	}
	return built, b.problems
}

func (b *nodeBuilder) problem(reason, group, message string) {
	b.problems = append(b.problems, v1alpha1.Problem{Reason: reason, DirectorGroup: group, Message: message})
}

func (b *nodeBuilder) owned(part v1alpha1.NodeDirectorGroup) ipvs.Ownership {
	var owned ipvs.Ownership
	for _, cidr := range part.AddressPools {
		prefix, err := netip.ParsePrefix(string(cidr))
		if err != nil {
			b.problem(v1alpha1.ProblemInvalid, part.Name, "address pool "+string(cidr)+": not a network; correct it in the DirectorGroup")
			continue
		}
		owned.Networks = append(owned.Networks, prefix.Masked())
	}
	for _, marks := range part.MarkRanges {
		if marks.First < 1 || marks.Last < marks.First || marks.Last > math.MaxUint32 {
			b.problem(v1alpha1.ProblemInvalid, part.Name, fmt.Sprintf("firewall marks %d to %d: want a range within 1 to 4294967295; correct it in the DirectorGroup", marks.First, marks.Last))
			continue
		}
		owned.Marks = append(owned.Marks, ipvs.MarkRange{First: uint32(marks.First), Last: uint32(marks.Last)})
	}
	if probes := b.probeMarks(part); probes != (ipvs.MarkRange{}) {
		owned.Marks = append(owned.Marks, probes)
	}
	return ipvs.Union(owned)
}

// probeMarks are the marks of the group's health checks through IPVS. The controller refuses what is no range.
func (b *nodeBuilder) probeMarks(part v1alpha1.NodeDirectorGroup) ipvs.MarkRange {
	marks := part.ProbeMarks
	if marks == nil || marks.First < 1 || marks.Last < marks.First || marks.Last > math.MaxUint32 {
		return ipvs.MarkRange{}
	}
	return ipvs.MarkRange{First: uint32(marks.First), Last: uint32(marks.Last)}
}

// settings are the group's kernel settings. The agent may write any sysctl of the node, so it takes no name that is not one of
// IPVS.
func (b *nodeBuilder) settings(part v1alpha1.NodeDirectorGroup) []plan.Setting {
	if part.IPVS == nil {
		return nil
	}
	var settings []plan.Setting
	for _, timeout := range []struct {
		name    string
		seconds int32
	}{
		{plan.TimeoutTCP, part.IPVS.TCPTimeoutSeconds},
		{plan.TimeoutTCPFin, part.IPVS.TCPFinTimeoutSeconds},
		{plan.TimeoutUDP, part.IPVS.UDPTimeoutSeconds},
	} {
		if timeout.seconds > 0 {
			settings = append(settings, plan.Setting{Name: timeout.name, Value: strconv.Itoa(int(timeout.seconds))})
		}
	}
	for _, sysctl := range part.IPVS.Sysctls {
		if !ofIPVS(sysctl.Name) {
			b.problem(v1alpha1.ProblemInvalid, part.Name, fmt.Sprintf("sysctl %q: not one of net.ipv4.vs", sysctl.Name))
			continue
		}
		settings = append(settings, plan.Setting{Name: sysctl.Name, Value: sysctl.Value})
	}
	return settings
}

// ofIPVS says whether a sysctl is one of IPVS: net.ipv4.vs. and a name of small letters, digits and underscores.
func ofIPVS(sysctl string) bool {
	name, found := strings.CutPrefix(sysctl, "net.ipv4.vs.")
	return found && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func (b *nodeBuilder) realServerAddresses(list []v1alpha1.IPAddress) []netip.Addr {
	var addresses []netip.Addr
	for _, text := range list {
		address, err := parseAddress(text)
		if err != nil {
			b.problem(v1alpha1.ProblemInvalid, "", "virtual IP of this real server: "+err.Error())
			continue
		}
		addresses = append(addresses, address)
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}
