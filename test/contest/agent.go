// SPDX-License-Identifier: Apache-2.0

//go:build bench

package contest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint"
	"github.com/lvs-operator/lvs-operator/test/controlplane"
)

// agentVariable names the agent's program.
const agentVariable = "LVS_AGENT"

// Agent prepares the agent in an empty folder, and returns what runs it. There is no API server: it serves from its checkpoint, which holds
// what it remembers.
func Agent(dir string, remembers checkpoint.Change) ([]string, error) {
	kubeconfig, state := filepath.Join(dir, "kubeconfig"), filepath.Join(dir, "state")
	if err := controlplane.WriteKubeconfig(kubeconfig, &rest.Config{Host: "https://127.0.0.1:1"}); err != nil {
		return nil, err
	}
	store, _, err := checkpoint.Open(state)
	if !errors.Is(err, checkpoint.ErrAbsent) {
		return nil, fmt.Errorf("a new folder has a checkpoint: %w", err)
	}
	if err := errors.Join(store.Save(remembers), store.Close()); err != nil {
		return nil, err
	}
	return []string{os.Getenv(agentVariable), "--kubeconfig=" + kubeconfig, "--node-name=bench", "--namespace=lvs-operator-system",
		"--state-dir=" + state, "--metrics-bind-address="}, nil
}
