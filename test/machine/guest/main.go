// SPDX-License-Identifier: Apache-2.0

// Command guest is the first program of the lab's virtual machine once the host's files are at /: it readies the kernel
// for test hosts and runs what package machine asks for. It is no init system: nothing is started but what is asked for,
// and the machine ends with it. It must never run on a host; as process 1 it only can in a machine of its own.
package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: guest init|serve; hack/vm/init starts it"))
	}
	switch os.Args[1] {
	case "init":
		fail(initialise())
	case "serve":
		fail(serve())
	default:
		fail(fmt.Errorf("unknown command %q", os.Args[1]))
	}
}

// fail tells the console, where the machine's owner reads the last lines, and ends the machine when it is process 1.
func fail(err error) {
	fmt.Fprintln(os.Stderr, "lab:", err)
	if os.Getpid() == 1 {
		_ = unix.IoctlSetInt(int(os.Stderr.Fd()), unix.TCSBRK, 1) // wait until the serial line has taken the message
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
	os.Exit(1)
}
