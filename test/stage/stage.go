// SPDX-License-Identifier: Apache-2.0

// Package stage is what every story of the operator is played on: hosts that are network namespaces
// (network_namespaces(7)), the real agent on some of them, clients and servers, and a narrator. It runs on the machine whose
// kernel has IPVS and installs nothing. It knows no story.
package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/lvs-operator/lvs-operator/test/lab"
	"github.com/lvs-operator/lvs-operator/test/network"
)

// Stage is one story's hosts, and what runs on them. Its methods are for the one goroutine that plays the story, except where
// they say otherwise.
type Stage struct {
	*Narrator
	// Setup says where the lab's programs, samples and logs are.
	Setup lab.Setup
	// Control reaches the cluster: kubectl, and the API server's process.
	Control *lab.Client

	network *network.Network
	hosts   map[string]*network.Host
	// order is the hosts' names as they were added; nodes are those that are nodes of the cluster.
	order, nodes []string
	// local is a folder on a disk of the machine's own, where a host has its programs, and a node its agent's state.
	local string
	// fresh counts the client ports that DialFresh has used.
	fresh atomic.Int32
	// agents are the running ones, by host.
	agents  map[string]*Process
	servers map[place]*Process
}

// New is a stage without hosts, from which the API server can be reached. Close removes it.
func New(setup lab.Setup, out io.Writer) (*Stage, error) {
	if err := os.MkdirAll(setup.Work, 0o700); err != nil {
		return nil, fmt.Errorf("make the story's folder: %w", err)
	}
	net, err := network.New(lab.NetworkName)
	if err != nil {
		return nil, err
	}
	s := &Stage{
		Narrator: &Narrator{out: out}, Setup: setup, Control: lab.NewClient(setup.Control), network: net,
		hosts: map[string]*network.Host{}, agents: map[string]*Process{}, servers: map[place]*Process{},
	}
	if s.local, err = os.MkdirTemp("", "lvs-operator-lab-"); err != nil {
		return nil, errors.Join(fmt.Errorf("make a folder for the hosts: %w", err), s.Close())
	}
	if err := s.install("agent", "hosttool"); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if _, err := net.Proxy(lab.ProxyAddress, setup.APIServer); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// install copies programs to the machine's own disk.
func (s *Stage) install(programs ...string) error {
	for _, program := range programs {
		data, err := os.ReadFile(filepath.Join(s.Setup.Bin, program))
		if err == nil {
			err = os.WriteFile(s.File(program), data, 0o700)
		}
		if err != nil {
			return fmt.Errorf("install %s on the hosts: %w", program, err)
		}
	}
	return nil
}

// File is the path of a file on the machine's own disk. It goes with the stage.
func (s *Stage) File(name string) string { return filepath.Join(s.local, name) }

// Close ends every process and removes the hosts.
func (s *Stage) Close() error {
	for _, p := range s.agents {
		p.Kill()
	}
	for _, p := range s.servers {
		p.Kill()
	}
	return errors.Join(s.network.Close(), os.RemoveAll(s.local))
}

// Host is the host of that name, which was added.
func (s *Stage) Host(name string) *network.Host { return s.hosts[name] }

// Run runs a command on a host and returns what it printed. It may be called by several goroutines.
func (s *Stage) Run(ctx context.Context, host string, args ...string) (string, error) {
	out, err := s.hosts[host].Command(ctx, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("on %s: %s: %w: %s", host, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
