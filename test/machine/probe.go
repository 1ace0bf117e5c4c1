// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ipvsFamily is the generic netlink family of IPVS, IPVS_GENL_NAME in linux/ip_vs.h. Asking for it makes the kernel load
// ip_vs where it can.
const ipvsFamily = "IPVS"

// Probe returns nil where test hosts can be made on this host's kernel: a network namespace, with a bridge and a pair of
// veth links in it, and IPVS. It works in a namespace of its own, which ends with it.
func Probe() error {
	result := make(chan error)
	go func() {
		// The thread is never unlocked: it ends with this goroutine, and the namespace with it.
		runtime.LockOSThread()
		result <- probeHere()
	}()
	return <-result
}

func probeHere() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("make a network namespace: %w", err)
	}
	if _, err := netlink.GenlFamilyGet(ipvsFamily); err != nil {
		if errors.Is(err, unix.ENOENT) {
			err = errors.New("no module ip_vs")
		}
		return fmt.Errorf("ask the kernel for IPVS: %w", err)
	}
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}); err != nil {
		return fmt.Errorf("make a bridge: %w", err)
	}
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "veth0"}, PeerName: "veth1"}); err != nil {
		return fmt.Errorf("make a pair of veth links: %w", err)
	}
	return nil
}
