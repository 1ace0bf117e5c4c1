// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// assetsScript finds, downloads or builds the programs; its path is relative to the root of the repository.
const assetsScript = "hack/controlplane.sh"

// Assets returns the directory that holds etcd, kube-apiserver and kubectl: that of KUBEBUILDER_ASSETS, or a cache that
// it fills, which takes minutes the first time and is reported on standard error. It works anywhere inside the
// repository; ctx bounds it.
func Assets(ctx context.Context) (string, error) {
	root, err := repositoryRoot()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", assetsScript, err)
	}
	var stdout bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(root, assetsScript))
	cmd.Stdout, cmd.Stderr = &stdout, os.Stderr
	// SIGTERM, so that the script ends the compiler and removes what it left.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = killWait
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s, whose reason stands on standard error: %w", assetsScript, err)
	}
	return string(bytes.TrimSpace(stdout.Bytes())), nil
}

// repositoryRoot is the nearest directory, from the working directory up, that holds go.mod and the script.
func repositoryRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if isFile(filepath.Join(dir, "go.mod")) && isFile(filepath.Join(dir, assetsScript)) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no directory from " + start + " upwards holds it beside go.mod; run inside the repository")
		}
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
