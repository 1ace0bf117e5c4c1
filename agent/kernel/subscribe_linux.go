// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Subscribe signals when an interface, an address or a policy routing rule changed, so that drift is repaired at once.
// Changes that come faster than they are received become one signal, and our own changes signal too. IPVS and sysctls tell
// nobody when they change, and of routes and nftables everybody's changes would signal, which may be thousands a second:
// those have to be read from time to time. The channel is closed when the context ends, and when the kernel stops
// telling.
func (k *Kernel) Subscribe(ctx context.Context) (<-chan struct{}, error) {
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE)
	if err != nil {
		return nil, fmt.Errorf("subscribe to changes of interfaces, addresses and policy routing rules: %w", err)
	}
	changed := make(chan struct{}, 1)
	stop := context.AfterFunc(ctx, socket.Close)
	go func() {
		defer close(changed)
		defer func() {
			if stop() {
				socket.Close()
			}
		}()
		for {
			// ENOBUFS says that changes were lost, which is a change.
			if _, _, err := socket.Receive(); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return
			}
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	}()
	return changed, nil
}
