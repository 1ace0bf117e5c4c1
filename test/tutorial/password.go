// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// shownPassword matches the tutorial's password as somebody's value: 1111 is also a part of innocent numbers.
var shownPassword = regexp.MustCompile(`[:=\[ ]"?1111"?([\s,}\]]|$)`)

// passwordStaysSecret looks for the VRRP password wherever it could have leaked to: every object but the Secret itself, the
// agents' logs, and the command lines of all processes.
func (s *scene) passwordStaysSecret(ctx context.Context) error {
	objects, err := s.Control.Kubectl(ctx, nil, "get", "dg,rsp,lvsvs,nodestates,serviceslices,realserverslices,events", "-A", "-o", "yaml")
	if err != nil {
		return err
	}
	places := map[string]string{"the objects and their statuses": objects}
	logs, err := filepath.Glob(filepath.Join(s.Setup.Work, "*.log"))
	if err != nil {
		return err
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, path := range append(logs, commands...) {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // a process that has ended meanwhile
		}
		places[path] = strings.ReplaceAll(string(text), "\x00", " ")
	}
	var found []string
	for place, text := range places {
		for line := range strings.Lines(text) {
			if shownPassword.MatchString(line) && !strings.Contains(line, "resourceVersion") {
				found = append(found, place+": "+strings.TrimSpace(line))
			}
		}
	}
	return s.Check(len(found) == 0 && strings.Contains(objects, "edge-vrrp"),
		fmt.Sprintf("the VRRP password is in none of %d lists of objects, logs and command lines", len(places)), "found in: %q", found)
}
