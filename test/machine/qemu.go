// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/lvs-operator/lvs-operator/test/machine/layout"
)

const qemu = "qemu-system-x86_64"

// kernelCommandLine makes a kernel that hangs for a minute say where, on all processors, and end: else whoever waits for it would
// wait for their own time-out and learn nothing. norandmaps has each program at the same addresses in every process: an emulator keeps
// its translation of a page of code by the address that it runs at, so one for each process that ran a shared library, and goes through
// all of them when the page is written. After a few thousand processes that took minutes. tsc=reliable: the emulated processors share one
// time-stamp counter, which the kernel can't know; else it reads the clock from the HPET, a system call and an emulated device each time,
// some 50 us, which no machine outside of an emulator pays.
const kernelCommandLine = "console=ttyS0 loglevel=5 panic=-1 random.trust_cpu=on net.ifnames=0 mitigations=off norandmaps tsc=reliable " +
	"watchdog_thresh=30 softlockup_panic=1 softlockup_all_cpu_backtrace=1"

// qemuArgs returns the virtual machine's command line. kernel is the folder of hack/vm/prepare.sh. Two virtual processors
// and 3 GiB are what a two-core machine carries; memory is taken as it is used. There is no disk.
func qemuArgs(dir, kernel string, port int) []string {
	return []string{
		"-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3072",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-rtc", "base=utc,clock=host",
		"-kernel", filepath.Join(kernel, "vmlinuz"),
		"-initrd", filepath.Join(kernel, "initramfs"),
		"-append", kernelCommandLine,
		"-serial", "file:" + consolePath(dir),
		"-device", "virtio-rng-pci",
		"-netdev", fmt.Sprintf("user,id=lab,ipv6=off,hostfwd=tcp:127.0.0.1:%d-%s:%d", port, layout.GuestAddress, layout.GuestPort),
		"-device", "virtio-net-pci,netdev=lab,romfile=",
		"-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
		"-virtfs", "local,mount_tag=share,security_model=none,multidevs=remap,path=" + escape(filepath.Join(dir, shareName)),
		"-virtfs", "local,mount_tag=modules,security_model=none,readonly=on,path=" + escape(filepath.Join(kernel, "modules")),
	}
}

// escape doubles commas, which separate qemu's options.
func escape(path string) string { return strings.ReplaceAll(path, ",", ",,") }

// start runs cmd and returns a channel that gets its end. With detach the process outlives this one; without, the kernel
// ends it with this one. That watch is on the thread which starts the process, so the thread is kept until its end.
func start(cmd *exec.Cmd, detach bool) (<-chan error, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interrupt from the terminal is for us, not for it
	if !detach {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	return ended, <-started
}

// freePort returns a TCP port on 127.0.0.1 that was free a moment ago.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}
