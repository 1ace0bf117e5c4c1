// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// diagnose prints what somebody who has to find out why a step does not hold wants to see.
func (s *Stage) diagnose(ctx context.Context) {
	for _, node := range s.nodes {
		for _, command := range []string{"ipvsadm -Ln", "ip -o -4 address"} {
			out, err := s.Run(ctx, node, strings.Fields(command)...)
			if err != nil {
				out = err.Error()
			}
			s.Block(command+" on "+node, out)
		}
		if log, err := os.ReadFile(s.logFile("agent", node)); err == nil {
			s.Block("the agent's last lines on "+node, lastLines(string(log), 15))
		}
	}
	out, err := s.Control.Kubectl(ctx, nil, "get", "lvs", "-A", "-o", "wide")
	if err != nil {
		out = err.Error()
	}
	s.Block("kubectl get lvs -A", out)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func (s *Stage) logFile(program, host string) string {
	return filepath.Join(s.Setup.Work, filepath.Base(program)+"-"+host+".log")
}
