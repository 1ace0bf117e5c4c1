// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/lvs-operator/lvs-operator/test/lab"
	"github.com/lvs-operator/lvs-operator/test/network"
)

// Names of the tutorial's hosts.
const (
	master       = "master"
	brucelee     = "brucelee"
	youzhibing   = "youzhibing"
	youzhibing03 = "youzhibing03"
	client       = "client"
)

// scene is the tutorial's five hosts and what runs on them.
type scene struct {
	*narrator
	setup   lab.Setup
	control *lab.Client
	network *network.Network
	hosts   map[string]*network.Host
	// local is a folder on a disk of the machine's own, where a node has its programs and its agent's state.
	local string
	// fresh counts the client ports that dialFresh has used.
	fresh atomic.Int32
	// agents and servers are the running processes, by host.
	agents  map[string]*process
	servers map[string]*process
}

func newScene(ctx context.Context, setup lab.Setup, n *narrator) (*scene, error) {
	if err := os.MkdirAll(setup.Work, 0o700); err != nil {
		return nil, fmt.Errorf("make the story's folder: %w", err)
	}
	net, err := network.New(lab.NetworkName)
	if err != nil {
		return nil, err
	}
	s := &scene{
		narrator: n, setup: setup, control: lab.NewClient(setup.Control), network: net,
		hosts: map[string]*network.Host{}, agents: map[string]*process{}, servers: map[string]*process{},
	}
	if s.local, err = os.MkdirTemp("", "lvs-operator-lab-"); err != nil {
		return nil, errors.Join(fmt.Errorf("make a folder for the hosts: %w", err), s.close())
	}
	if err := s.install("agent", "hosttool"); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.build(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// build makes the hosts and starts what an administrator starts once: agents everywhere but on the client, and the web
// servers.
func (s *scene) build(ctx context.Context) error {
	s.title("1     The hosts")
	if _, err := s.network.Proxy(lab.ProxyAddress, s.setup.APIServer); err != nil {
		return err
	}
	if err := s.addHost(client, "192.168.1.10"); err != nil {
		return err
	}
	for _, node := range lab.Nodes() {
		if err := s.addHost(node.Name, node.Address); err != nil {
			return err
		}
	}
	for _, server := range []string{youzhibing, youzhibing03} {
		if err := s.startServer(ctx, server); err != nil {
			return err
		}
	}
	for _, node := range lab.Nodes() {
		if err := s.startAgent(ctx, node.Name); err != nil {
			return err
		}
	}
	return nil
}

// install copies programs to the machine's own disk.
func (s *scene) install(programs ...string) error {
	for _, program := range programs {
		data, err := os.ReadFile(filepath.Join(s.setup.Bin, program))
		if err == nil {
			err = os.WriteFile(filepath.Join(s.local, program), data, 0o700)
		}
		if err != nil {
			return fmt.Errorf("install %s on the hosts: %w", program, err)
		}
	}
	return nil
}

func (s *scene) addHost(name, address string) error {
	host, err := s.network.AddHost(name, address+"/24")
	if err != nil {
		return err
	}
	s.hosts[name] = host
	s.note("%-13s %s", name, address)
	return nil
}

// close ends every process and removes the hosts.
func (s *scene) close() error {
	for _, running := range []map[string]*process{s.agents, s.servers} {
		for _, p := range running {
			p.kill()
		}
	}
	return errors.Join(s.network.Close(), os.RemoveAll(s.local))
}

// run runs a command on a host and returns what it printed.
func (s *scene) run(ctx context.Context, host string, args ...string) (string, error) {
	out, err := s.hosts[host].Command(ctx, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("on %s: %s: %w: %s", host, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// table is a director's IPVS table as an operator sees it.
func (s *scene) table(ctx context.Context, host string) (string, error) {
	return s.run(ctx, host, "ipvsadm", "-Ln")
}

func (s *scene) showTable(ctx context.Context, host string) error {
	table, err := s.table(ctx, host)
	if err != nil {
		return err
	}
	s.block("ipvsadm -Ln on "+host, table)
	return nil
}

// has says whether a director's table has a real server with weight.
func (s *scene) has(ctx context.Context, director, realServer string) (bool, error) {
	saved, err := s.run(ctx, director, "ipvsadm", "-S", "-n")
	return strings.Contains(saved, "-r "+s.hosts[realServer].Address().String()+":8080 "), err
}

// holdsVIP says whether a host has the virtual IP on eth0.
func (s *scene) holdsVIP(ctx context.Context, host string) (bool, error) {
	addresses, err := s.run(ctx, host, "ip", "-o", "-4", "address", "show", "dev", "eth0")
	return strings.Contains(addresses, " "+vip+"/"), err
}

// diagnose prints what somebody who has to find out why a step does not hold wants to see.
func (s *scene) diagnose(ctx context.Context) {
	for _, node := range lab.Nodes() {
		for _, command := range []string{"ipvsadm -Ln", "ip -o -4 address"} {
			out, err := s.run(ctx, node.Name, strings.Fields(command)...)
			if err != nil {
				out = err.Error()
			}
			s.block(command+" on "+node.Name, out)
		}
		if log, err := os.ReadFile(s.logFile("agent", node.Name)); err == nil {
			s.block("the agent's last lines on "+node.Name, lastLines(string(log), 15))
		}
	}
	out, err := s.control.Kubectl(ctx, nil, "get", "lvs", "-A", "-o", "wide")
	if err != nil {
		out = err.Error()
	}
	s.block("kubectl get lvs -A", out)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func (s *scene) logFile(program, host string) string {
	return filepath.Join(s.setup.Work, program+"-"+host+".log")
}
