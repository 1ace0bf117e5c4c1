// SPDX-License-Identifier: Apache-2.0

// Package lab starts, on a developer's machine, all that a story of the operator needs: a real API server, the manager with
// the RBAC that config/ ships, and a machine whose kernel has IPVS, on which stories are then played. It holds no
// assertion.
package lab

import (
	"encoding/json"
	"fmt"
	"os"
)

// Setup is what the story, which runs on the machine with IPVS, needs to know. It travels as a JSON file.
type Setup struct {
	// Story is the name of the story to play.
	Story string `json:"story"`
	// Bin is the folder with the programs agent and hosttool.
	Bin string `json:"bin"`
	// Samples is the folder config/samples.
	Samples string `json:"samples"`
	// Work is a folder on the machine that this host sees too: logs.
	Work string `json:"work"`
	// APIServer is host:port where the machine reaches the API server.
	APIServer string `json:"apiServer"`
	// AgentKubeconfig is the agents' kubeconfig: the service account lvs-operator-agent, at ProxyAddress.
	AgentKubeconfig string `json:"agentKubeconfig"`
	// Control is where the story reaches the lab's control server.
	Control Control `json:"control"`
	// OwnKernel says that the machine's kernel serves nobody else, so that a story may load and unload modules.
	OwnKernel bool `json:"ownKernel"`
	// Keep makes the story leave its hosts and agents running until it is told to end.
	Keep bool `json:"keep"`
}

// Control is the address of a lab's control server.
type Control struct {
	// URL of the server.
	URL string `json:"url"`
	// Token authorises requests.
	Token string `json:"token"`
}

// NetworkName is the prefix of the hosts' network namespaces: lvsop-client, lvsop-master and so on.
const NetworkName = "lvsop"

// ProxyAddress is where agents in their network namespaces reach the API server: a forwarder of the story's.
const ProxyAddress = "10.99.0.1:6443"

// ReadSetup reads the file that Play wrote.
func ReadSetup(path string) (Setup, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Setup{}, fmt.Errorf("read the lab's setup: %w", err)
	}
	var s Setup
	if err := json.Unmarshal(data, &s); err != nil {
		return Setup{}, fmt.Errorf("read the lab's setup %s: %w", path, err)
	}
	return s, nil
}

func (s Setup) write(path string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
