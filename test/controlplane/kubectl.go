// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// killWait is how long a program that was told to end may keep its outputs open.
const killWait = 5 * time.Second

// Kubectl runs kubectl as the administrator and returns its standard output. An error carries its standard error. No
// setting or cache of the user's is read or written; ctx bounds the run.
func (cp *ControlPlane) Kubectl(ctx context.Context, args ...string) ([]byte, error) {
	return cp.KubectlInput(ctx, nil, args...)
}

// KubectlInput is [ControlPlane.Kubectl] with a standard input, for `apply -f -`; nil means an empty one.
func (cp *ControlPlane) KubectlInput(ctx context.Context, stdin io.Reader, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(cp.opts.AssetsDir, kubectlProgram), args...)
	cmd.Env = append(os.Environ(),
		"KUBECONFIG="+cp.layout.adminKubeconfig(),
		"KUBECACHEDIR="+cp.layout.kubectlCache(),
		"KUBERC=off",
	)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	cmd.WaitDelay = killWait
	if err := cmd.Run(); err != nil {
		return stdout.Bytes(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}
