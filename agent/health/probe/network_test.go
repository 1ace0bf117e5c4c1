// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inside says that a process is the one that inNetwork started.
const inside = "LVS_TEST_IN_NETWORK"

// inNetwork runs the test that calls it once more, in a process with a network of its own, and says whether this is that process. There lo
// answers for 127.0.0.0/8 and ::1, what is sent to 198.51.100.0/24 gets lost, and a route forbids 203.0.113.9.
func inNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		again.Env = append(os.Environ(), inside+"=yes")
		again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		if os.Getuid() != 0 {
			again.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		var said bytes.Buffer
		again.Stdout, again.Stderr = &said, &said
		if err := again.Start(); err != nil {
			t.Skipf("a process with a network of its own is not allowed here: %v", err)
		}
		if err := again.Wait(); err != nil {
			t.Errorf("in a network of its own: %v", err)
		}
		t.Log(said.String())
		return false
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		t.Fatal(err)
	}
	for _, route := range []netlink.Route{
		{Dst: network(t, "198.51.100.0/24"), LinkIndex: lo.Attrs().Index, Scope: netlink.SCOPE_LINK},
		{Dst: network(t, "203.0.113.9/32"), Type: unix.RTN_PROHIBIT},
	} {
		if err := netlink.RouteAdd(&route); err != nil {
			t.Fatalf("add a route to %v: %v", route.Dst, err)
		}
	}
	return true
}

func network(t *testing.T, text string) *net.IPNet {
	t.Helper()
	network, err := netlink.ParseIPNet(text)
	if err != nil {
		t.Fatal(err)
	}
	return network
}
