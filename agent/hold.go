// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"log/slog"
	"slices"
)

// holder keeps the kernel of a director that runs virtual routers prepared to hold packets while a role changes hands, and removes that from
// one that does not any more. It works beside the passes: who writes nftables waits for the kernel's grace periods, for all others who
// write, and at the first time for modules.
type holder struct {
	kernel interface {
		PrepareHold(interfaces []string) error
		Unhold() error
	}
	log *slog.Logger
	// wanted is the latest list of interfaces that was not worked on yet.
	wanted chan []string
	// asked is the list that follow gave last; nil: none yet. It belongs to the caller of follow.
	asked []string
	// left says that the kernel has, or may have from an earlier agent, something of it. It belongs to run.
	left bool
}

func newHolder(h holder) *holder {
	h.wanted = make(chan []string, 1)
	return &h
}

// follow has the kernel prepared for the interfaces of the routers that run. It never blocks.
func (h *holder) follow(runs []liveRouter) {
	interfaces := []string{}
	for _, r := range runs {
		interfaces = append(interfaces, r.interfaceName)
	}
	slices.Sort(interfaces)
	interfaces = slices.Compact(interfaces)
	if h.asked != nil && slices.Equal(interfaces, h.asked) {
		return
	}
	h.asked = interfaces
	select {
	case <-h.wanted: // overtaken
	default:
	}
	h.wanted <- interfaces
}

// run does it until ctx ends. A kernel that cannot is told of once.
func (h *holder) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case interfaces := <-h.wanted:
			if err := h.prepare(interfaces); err != nil {
				h.log.Warn("when a role changes hands, connections that are just beginning may fail", "error", err)
			}
		}
	}
}

func (h *holder) prepare(interfaces []string) error {
	switch {
	case len(interfaces) > 0:
		h.left = true
		return h.kernel.PrepareHold(interfaces)
	case h.left:
		h.left = false
		return h.kernel.Unhold()
	}
	return nil
}
