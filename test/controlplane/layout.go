// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// layout names the files under [Options.Dir].
type layout string

func (l layout) path(elem ...string) string {
	return filepath.Join(append([]string{string(l)}, elem...)...)
}

func (l layout) log(name string) string  { return l.path("logs", name+".log") }
func (l layout) pid(name string) string  { return l.path("pids", name) }
func (l layout) key(name string) string  { return l.path("pki", name) }
func (l layout) etcdData() string        { return l.path("etcd") }
func (l layout) adminKubeconfig() string { return l.path("admin.kubeconfig") }
func (l layout) kubectlCache() string    { return l.path("kubectl-cache") }

// create makes the directories, and fails where a control plane has been.
func (l layout) create() error {
	if err := os.MkdirAll(string(l), 0o700); err != nil {
		return err
	}
	for _, name := range []string{"pki", "pids", "logs"} {
		err := os.Mkdir(l.path(name), 0o700)
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s exists: the directory holds a control plane; end it with Down and give a new directory", l.path(name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
