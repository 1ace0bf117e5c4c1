// SPDX-License-Identifier: Apache-2.0

package kerneltest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// ErrForeignLink is the answer to a change of a link that is not ours.
var ErrForeignLink = errors.New("a link of that name is there that the agent did not add")

// ErrMACInUse is the answer to a link that is taken up beside another one with its MAC address; the kernel says EADDRINUSE.
var ErrMACInUse = errors.New("address already in use")

// ErrNoMacvlan is what a kernel without macvlan answers to a link, EOPNOTSUPP: for Refuse.
var ErrNoMacvlan = errors.New("operation not supported")

func (k *Kernel) readLinks(names []string) []plan.ActualLink {
	var links []plan.ActualLink
	for _, name := range slices.Sorted(maps.Keys(k.links)) {
		if link := k.links[name]; link.Ours || slices.Contains(names, name) {
			links = append(links, link)
		}
	}
	return links
}

// hasSysctl says that settings of an interface come and go with it.
func (k *Kernel) hasSysctl(name string) bool {
	parts := strings.Split(name, ".")
	if len(parts) != 5 || parts[2] != "conf" || parts[3] == "all" || parts[3] == "default" {
		return true
	}
	return k.interfaces[strings.ReplaceAll(parts[3], "/", ".")]
}

func (k *Kernel) applyToLinks(operation plan.Operation) error {
	switch o := operation.(type) {
	case *plan.AddLink:
		return k.addLink(o.Link)
	case *plan.SetLink:
		return k.setLink(o.Name, o.Up)
	case *plan.DeleteLink:
		return k.deleteLink(o.Name)
	default:
		return fmt.Errorf("unknown operation %T", operation)
	}
}

func (k *Kernel) addLink(link plan.Link) error {
	if !k.interfaces[link.Parent] {
		return ErrNoInterface
	}
	there, exists := k.links[link.Name]
	if exists && !there.Ours || !exists && k.interfaces[link.Name] {
		return ErrForeignLink
	}
	if !exists {
		k.links[link.Name], k.interfaces[link.Name] = plan.ActualLink{Link: link, Bridge: true, Ours: true}, true
	}
	for _, setting := range plan.LinkSettings(link.Name) {
		k.sysctls[setting.Name] = setting.Value
	}
	return nil
}

func (k *Kernel) setLink(name string, up bool) error {
	link, exists := k.links[name]
	switch {
	case !exists && k.interfaces[name]:
		return ErrForeignLink
	case !exists && up:
		return ErrNoInterface
	case !exists:
		return nil
	case !link.Ours:
		return ErrForeignLink
	}
	for _, other := range k.links {
		if up && other.Up && other.Name != name && other.Parent == link.Parent && other.MAC == link.MAC {
			return ErrMACInUse
		}
	}
	link.Up = up
	k.links[name] = link
	if !up {
		maps.DeleteFunc(k.addresses, func(at place, _ bool) bool { return at.link == name && at.prefix.Addr().Is6() })
	}
	return nil
}

func (k *Kernel) deleteLink(name string) error {
	link, exists := k.links[name]
	switch {
	case exists && !link.Ours, !exists && k.interfaces[name]:
		return ErrForeignLink
	case !exists:
		return nil
	}
	delete(k.links, name)
	delete(k.interfaces, name)
	maps.DeleteFunc(k.addresses, func(at place, _ bool) bool { return at.link == name })
	for _, setting := range plan.LinkSettings(name) {
		delete(k.sysctls, setting.Name)
	}
	return nil
}
