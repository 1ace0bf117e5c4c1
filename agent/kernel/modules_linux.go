// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"os"
	"path/filepath"
	"slices"
)

// sysModule is where the kernel shows the modules that are loaded, and those built in that have parameters
// (Documentation/ABI/stable/sysfs-module).
const sysModule = "/sys/module"

// loadedModules are those of the modules that this kernel has.
func loadedModules(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, err := os.Stat(filepath.Join(sysModule, name))
		return err != nil
	})
}
