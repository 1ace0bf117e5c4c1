// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// loadModule loads a module with the kernel's own module loader. One that is there already is no error.
func loadModule(ctx context.Context, name string) error {
	if _, err := os.Stat("/sys/module/" + name); err == nil {
		return nil
	}
	loader, err := os.ReadFile("/proc/sys/kernel/modprobe")
	if err != nil {
		return err
	}
	if output, err := exec.CommandContext(ctx, strings.TrimSpace(string(loader)), name).CombinedOutput(); err != nil {
		return fmt.Errorf("load the module %s: %w: %s", name, err, output)
	}
	return nil
}

// unloadModule takes a module out of the kernel. One that is not there is no error.
func unloadModule(name string) error {
	if err := unix.DeleteModule(name, unix.O_NONBLOCK); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unload the module %s: %w", name, err)
	}
	return nil
}
