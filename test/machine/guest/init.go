// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/test/machine/layout"
)

// modules are what test hosts and directors ask the kernel for. br_netfilter is left out on purpose: with it the bridge
// between test hosts would run their packets through the root namespace's filter.
var modules = []string{
	"ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_lc", "ip_vs_wlc", "ip_vs_lblc", "ip_vs_lblcr", "ip_vs_dh", "ip_vs_sh",
	"ip_vs_sed", "ip_vs_nq", "ip_vs_fo", "ip_vs_ovf", "ip_vs_mh", "ip_vs_ftp",
	"veth", "bridge", "dummy", "ipip", "nf_tables", "af_packet",
}

// initialise readies the machine, starts the server as a child, and collects processes that lost their parent. It
// returns only with an error; the end of the server is one.
func initialise() error {
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"mount the kernel's file systems", mountAll},
		{"load modules", loadModules},
		{"set up the network", setUpNetwork},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return collect()
}

func mountAll() error {
	for _, m := range []struct {
		source, target, kind, options string
	}{
		{"proc", "/proc", "proc", ""},
		{"sysfs", "/sys", "sysfs", ""},
		{"devtmpfs", "/dev", "devtmpfs", ""},
		{"devpts", "/dev/pts", "devpts", "mode=620,ptmxmode=666"},
		{"shm", "/dev/shm", "tmpfs", "mode=1777"},
	} {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.source, m.target, m.kind, 0, m.options); err != nil {
			return fmt.Errorf("%s: %w", m.target, err)
		}
	}
	return unix.Sethostname([]byte("lab"))
}

// loadModules first makes busybox the kernel's own module loader: a host that installs no kernel may have no modprobe,
// and some modules ask for others only when they start, as libcrc32c does for an implementation of crc32c.
func loadModules() error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("%w; install busybox-static", err)
	}
	loader := filepath.Join(filepath.Dir(layout.GuestShare), "modprobe")
	if err := os.Symlink(busybox, loader); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/kernel/modprobe", []byte(loader), 0o644); err != nil {
		return err
	}
	if output, err := exec.Command(loader, append([]string{"-a"}, modules...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}

func setUpNetwork() error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("lo: %w", err)
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return fmt.Errorf("lo: %w", err)
	}
	link, err := netlink.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("eth0: %w", err)
	}
	address, err := netlink.ParseAddr(layout.GuestAddress + "/24")
	if err != nil {
		return err
	}
	return errors.Join(
		netlink.AddrAdd(link, address),
		netlink.LinkSetUp(link),
		netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: net.ParseIP(layout.HostAddress)}),
	)
}

func collect() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	server, err := os.StartProcess(program, []string{program, "serve"}, &os.ProcAttr{
		Env:   []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"},
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Dir:   "/",
	})
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("wait for children: %w", err)
		case pid == server.Pid:
			return fmt.Errorf("the server ended with status %#x", status)
		}
	}
}
