// SPDX-License-Identifier: Apache-2.0

package elections

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// keepalivedConf is of somebody who does not know of the group: the same id, in the older version, with an address of his own.
const keepalivedConf = `vrrp_instance OTHER {
  state BACKUP
  interface eth0
  virtual_router_id %d
  priority 200
  advert_int 1
  virtual_ipaddress {
    192.0.2.99/32
  }
}
`

// strangerComes runs a keepalived with the group's virtual router id, and waits until the DirectorGroup names it.
func (s *scene) strangerComes(ctx context.Context) error {
	conf := s.File("stranger.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, keepalivedConf, vrid), 0o600); err != nil {
		return err
	}
	poll := stage.StartPoll(ctx, s.DialFresh(client, vip+":80"))
	defer poll.End()
	began := time.Now()
	pids := []string{"-p", s.File("stranger.pid"), "-r", s.File("stranger-vrrp.pid")}
	keepalived, err := s.Start(ctx, stranger, "keepalived", append([]string{"--dont-fork", "--log-console", "--vrrp", "-f", conf}, pids...)...)
	if err != nil {
		return err
	}
	defer keepalived.Stop()
	done := s.Waiting("waiting for %s to be noticed", stranger)
	var told string
	_, err = stage.Until(ctx, stage.Patience, func() (_ bool, err error) {
		told, err = s.Control.Kubectl(ctx, nil, "get", "dg", "pair", "-o", `jsonpath={range .status.conditions[?(@.type=="Exclusive")]}{.reason}: {.message}{end}`)
		return strings.HasPrefix(told, "ForeignRouter: "), err
	})
	done()
	if err != nil {
		return fmt.Errorf("the condition Exclusive says %q: %w", told, err)
	}
	s.Block("condition Exclusive of the DirectorGroup", told)
	named := strings.Contains(told, s.Host(stranger).Address().String()) && strings.Contains(told, "discarded (version)")
	if err := s.Check(named, "it names the address, and what is wrong with what comes from there", "%s", told); err != nil {
		return err
	}
	if err := stage.Listen(ctx, 5*interval); err != nil {
		return err
	}
	if err := s.hold(ctx, map[string]string{vip: edge1, second: edge1}); err != nil {
		return err
	}
	outcome := stage.OutcomeOf(poll.End(), began, time.Now())
	return s.Check(outcome.NoneFailed(), edge1+" is Active all the time", "%s", outcome)
}
