// SPDX-License-Identifier: Apache-2.0

package ftp

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// configure applies the objects and waits until the director serves with both real servers.
func (s *scene) configure(ctx context.Context) error {
	if err := s.AgentsRun(ctx); err != nil {
		return err
	}
	out, err := s.Control.Kubectl(ctx, nil, "apply", "-f", filepath.Join(s.Setup.Samples, "ftp"))
	if err != nil {
		return err
	}
	s.Block("kubectl apply", out)
	var pieces []string
	for _, server := range servers() {
		pieces = append(pieces, fmt.Sprintf("-a -t %s:21 -r %s:21 -m -w 1", vip, s.Host(server).Address()))
	}
	defer s.Waiting("waiting for %s to serve %s", edge, vip)()
	if err := s.AwaitSaved(ctx, pieces, edge); err != nil {
		return err
	}
	if _, err := stage.Until(ctx, stage.Patience, func() (bool, error) { return s.HoldsVIP(ctx, edge, vip) }); err != nil {
		return fmt.Errorf("%s does not get %s: %w", edge, vip, err)
	}
	return s.ShowTable(ctx, edge)
}

// helperIsMissing looks at what the VirtualService says, and at what a client gets.
func (s *scene) helperIsMissing(ctx context.Context) error {
	if loaded() {
		s.Note("the kernel has %s already and serves others, too: it stays", helper)
		return nil
	}
	if err := s.awaitProgrammed(ctx, "the VirtualService names the module that is missing, and what to do", "False", helper, "modprobe "+helper); err != nil {
		return err
	}
	out, err := s.download(ctx, "--verbose")
	return s.Check(err != nil && strings.Contains(told(out), "(198,51,100,"),
		"a client gets no file: for the data connection it is told the real server's own address, to which it has no way", "%s", told(out))
}

// helperIsThere loads the module and downloads through each real server.
func (s *scene) helperIsThere(ctx context.Context) error {
	if err := s.loadHelper(ctx); err != nil {
		return err
	}
	if !loaded() {
		s.Note("the kernel has no %s and serves others, too: it stays without", helper)
		return nil
	}
	if err := s.awaitProgrammed(ctx, "the VirtualService is programmed", "True"); err != nil {
		return err
	}
	answers := map[string]int{}
	for range 2 * len(servers()) {
		out, err := s.download(ctx)
		if err != nil {
			return err
		}
		answers[strings.TrimSpace(out)]++
	}
	if err := s.Check(len(answers) == len(servers()) && answers[servers()[0]] == 2, "4 passive downloads through "+vip+", in turn from both real servers",
		"%s", stage.Counts(answers)); err != nil {
		return err
	}
	return s.ShowTable(ctx, edge)
}

// download gets the file name in passive mode, and connects to the very address that the server says.
func (s *scene) download(ctx context.Context, options ...string) (string, error) {
	return s.Run(ctx, client, append([]string{"curl", "--silent", "--show-error", "--disable-epsv", "--no-ftp-skip-pasv-ip", "--max-time", "5",
		"ftp://" + vip + "/name"}, options...)...)
}

// told is the answer to PASV, with the address and port of the data connection (RFC 959 section 4.1.2).
func told(conversation string) string {
	for line := range strings.Lines(conversation) {
		if strings.HasPrefix(line, "< 227 ") {
			return strings.TrimSpace(line)
		}
	}
	return "no answer to PASV"
}

// awaitProgrammed waits until the VirtualService's condition Programmed has a status, and a message that holds some texts.
func (s *scene) awaitProgrammed(ctx context.Context, expected, status string, texts ...string) error {
	var got string
	_, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
		out, err := s.Control.Kubectl(ctx, nil, "get", "lvsvs", "-n", "files", "ftp", "-o",
			`jsonpath={.status.conditions[?(@.type=="Programmed")].status} {.status.conditions[?(@.type=="Programmed")].message}`)
		got = strings.TrimSpace(out)
		if !strings.HasPrefix(got, status+" ") && got != status {
			return false, err
		}
		for _, text := range texts {
			if !strings.Contains(got, text) {
				return false, err
			}
		}
		return true, err
	})
	return s.Check(err == nil, expected, "Programmed=%s", got)
}
