// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// readSysctls reads settings by dotted name. Those that this kernel has not are left out.
func (k *Kernel) readSysctls(names []string) (map[string]string, error) {
	values := map[string]string{}
	for _, name := range names {
		value, err := os.ReadFile(k.sysctlFile(name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("read sysctl %s: %w", name, advise(err))
		default:
			values[name] = strings.TrimSpace(string(value))
		}
	}
	return values, nil
}

// writeSysctl writes one setting.
func (k *Kernel) writeSysctl(o plan.SetSysctl) error {
	file, err := os.OpenFile(k.sysctlFile(o.Name), os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteString(o.Value + "\n")
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return fmt.Errorf("set sysctl %s to %s: %w", o.Name, o.Value, advise(err))
	}
	return nil
}

// dots turns the dotted name of a setting into its path, and the slash that stands for a dot in an interface's name into that
// (sysctl(8)).
var dots = strings.NewReplacer(".", "/", "/", ".")

// sysctlFile is the file of a setting.
func (k *Kernel) sysctlFile(name string) string { return filepath.Join(k.procSys, dots.Replace(name)) }
