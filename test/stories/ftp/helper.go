// SPDX-License-Identifier: Apache-2.0

package ftp

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// loaded says whether the kernel has the application helper.
func loaded() bool {
	_, err := os.Stat(filepath.Join("/sys/module", helper))
	return err == nil
}

// unloadHelper and loadHelper change nothing on a machine whose kernel serves others, too.
func (s *scene) unloadHelper() error {
	if !s.Setup.OwnKernel || !loaded() {
		return nil
	}
	s.Note("%s# rmmod %s", edge, helper)
	if err := unix.DeleteModule(helper, 0); err != nil {
		return fmt.Errorf("unload %s: %w", helper, err)
	}
	return nil
}

func (s *scene) loadHelper(ctx context.Context) error {
	if !s.Setup.OwnKernel || loaded() {
		return nil
	}
	loader, err := os.ReadFile("/proc/sys/kernel/modprobe")
	if err != nil {
		return fmt.Errorf("find the kernel's module loader: %w", err)
	}
	s.Note("%s# modprobe %s", edge, helper)
	_, err = s.Run(ctx, edge, strings.TrimSpace(string(loader)), helper)
	return err
}
