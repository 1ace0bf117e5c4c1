// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	dto "github.com/prometheus/client_model/go"
)

// agentMetrics is where each agent, alone on its host, serves its metrics.
const agentMetrics = "127.0.0.1:9660"

// process is a program on a host.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// start starts a program on a host, with its output appended to a log. It lives until it is killed or the story ends.
func (s *scene) start(ctx context.Context, host, program string, args ...string) (*process, error) {
	log, err := os.OpenFile(s.logFile(program, host), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own handle
	cmd := s.hosts[host].Command(ctx, append([]string{filepath.Join(s.local, program)}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", program, host, err)
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// kill ends the process as a crash does, and returns when it is gone. A process that has ended is no error: its id may be
// another's by now.
func (p *process) kill() {
	select {
	case <-p.ended:
		return
	default:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

func (s *scene) startServer(ctx context.Context, host string) error {
	p, err := s.start(ctx, host, "hosttool", "serve", "-listen", "0.0.0.0:8080", "-name", host)
	if err != nil {
		return err
	}
	s.servers[host] = p
	return nil
}

// startAgent starts a node's agent as the DaemonSet does, with the service account that config/ ships.
func (s *scene) startAgent(ctx context.Context, host string) error {
	p, err := s.start(ctx, host, "agent",
		"--kubeconfig="+s.setup.AgentKubeconfig,
		"--node-name="+host,
		"--namespace=lvs-operator-system",
		"--state-dir="+filepath.Join(s.local, "state-"+host),
		"--metrics-bind-address="+agentMetrics)
	if err != nil {
		return err
	}
	s.agents[host] = p
	return nil
}

// metric reads one of an agent's metrics that has no labels. An agent that does not answer yet is an error.
func (s *scene) metric(ctx context.Context, host, name string) (float64, error) {
	families, err := s.scrape(ctx, host)
	if err != nil {
		return 0, fmt.Errorf("read the metrics of the agent on %s: %w", host, err)
	}
	family, ok := families[name]
	if !ok || len(family.GetMetric()) != 1 {
		return 0, fmt.Errorf("the agent on %s has no metric %s", host, name)
	}
	m := family.GetMetric()[0]
	return m.GetCounter().GetValue() + m.GetGauge().GetValue(), nil
}

func (s *scene) scrape(ctx context.Context, host string) (map[string]*dto.MetricFamily, error) {
	var conn net.Conn
	if err := s.hosts[host].Do(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", agentMetrics)
		return err
	}); err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+agentMetrics+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	request.Close = true
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(response.Body)
}
