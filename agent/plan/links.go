// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"maps"
	"slices"
)

// linkChanges are the operations on links by their place in the plan.
type linkChanges struct {
	// release silences links that hold no virtual IP any more, and deletes those that are not wanted; add makes links, down, and puts
	// their settings right; raise takes those up that get virtual IPs.
	release, add, raise []Operation
	// gone are the links that are deleted, and their addresses with them.
	gone map[string]bool
}

// diffLinks compares the links that are ours with those that are wanted. A link is up while it has to hold a virtual IP, and no
// longer: a Backup that answers, or whose kernel sends anything, from the virtual MAC address takes it from the Active in every
// bridge. One of somebody else's is never touched.
func diffLinks(in In) linkChanges {
	changes, holds := linkChanges{gone: map[string]bool{}}, holders(in.DirectorAddresses)
	wanted := map[string]Link{}
	for _, link := range in.Links {
		wanted[link.Name] = link
	}
	there := map[string]ActualLink{}
	for _, actual := range sortedLinks(in.Actual.Links, func(l ActualLink) string { return l.Name }) {
		link, wants := wanted[actual.Name]
		switch {
		case !actual.Ours:
			delete(wanted, actual.Name)
		case !wants || actual.Link != link || !actual.Bridge:
			changes.release = append(changes.release, &DeleteLink{actual.Name})
			changes.gone[actual.Name] = true
		case actual.Up && !holds[actual.Name]:
			changes.release = append(changes.release, &SetLink{Name: actual.Name})
			there[actual.Name] = actual
		default:
			there[actual.Name] = actual
		}
	}
	for _, link := range sortedLinks(in.Links, func(l Link) string { return l.Name }) {
		if _, wants := wanted[link.Name]; !wants {
			continue
		}
		actual, exists := there[link.Name]
		if exists {
			changes.add = append(changes.add, writes(wrong(in, LinkSettings(link.Name)))...)
		} else {
			changes.add = append(changes.add, &AddLink{link})
		}
		if !actual.Up && holds[link.Name] {
			changes.raise = append(changes.raise, &SetLink{Name: link.Name, Up: true})
		}
	}
	return changes
}

// ForeignLinks are the names, sorted, of links of others that stand where we want ours. They are left alone.
func ForeignLinks(in In) []string { return slices.Sorted(maps.Keys(foreign(in))) }

// Usable says whether a link of that name is there and ours.
func (a Actual) Usable(name string) bool {
	return slices.ContainsFunc(a.Links, func(l ActualLink) bool { return l.Name == name && l.Ours })
}

// foreign are the links of somebody else's that stand where we want ours.
func foreign(in In) map[string]bool {
	names := map[string]bool{}
	for _, link := range in.Actual.Links {
		if !link.Ours && slices.ContainsFunc(in.Links, func(l Link) bool { return l.Name == link.Name }) {
			names[link.Name] = true
		}
	}
	return names
}

// holders are the interfaces that have to carry some of the addresses.
func holders(addresses []InterfaceAddress) map[string]bool {
	names := map[string]bool{}
	for _, address := range addresses {
		names[address.Interface] = true
	}
	return names
}

// sortedLinks is a sorted copy.
func sortedLinks[L any](links []L, name func(L) string) []L {
	return slices.SortedFunc(slices.Values(links), func(a, b L) int { return cmp.Compare(name(a), name(b)) })
}
