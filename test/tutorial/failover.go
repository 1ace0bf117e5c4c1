// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// directorDies takes the Active director away as a power cut does: no priority 0, no farewell.
func (s *scene) directorDies(ctx context.Context) error {
	if err := s.failOver(ctx, master, brucelee); err != nil {
		return err
	}
	if err := s.ShowTable(ctx, brucelee); err != nil {
		return err
	}
	// There is no kubelet here whose silence the node controller could notice.
	if err := s.sayNodeReady(ctx, master, "Unknown"); err != nil {
		return err
	}
	return s.expectActive(ctx, brucelee)
}

// sayNodeReady sets a Node's condition Ready, as the cluster's node controller does.
func (s *scene) sayNodeReady(ctx context.Context, node, status string) error {
	s.Note("the node controller says: %s is Ready=%s", node, status)
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":%q}]}}`, status)
	_, err := s.Control.Kubectl(ctx, nil, "patch", "node", node, "--subresource=status", "--type=strategic", "-p", patch)
	return err
}

// expectActive waits until the group's status names one director as Active, and shows what kubectl shows.
func (s *scene) expectActive(ctx context.Context, director string) error {
	var active string
	_, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
		out, err := s.Control.Kubectl(ctx, nil, "get", "dg", "edge", "-o", "jsonpath={.status.active}")
		active = strings.TrimSpace(out)
		return active == director, err
	})
	if err := s.Check(err == nil, "the DirectorGroup's status says that "+director+" is Active", "%q", active); err != nil {
		return err
	}
	var service string
	_, err = stage.Until(ctx, stage.Patience, func() (bool, error) {
		out, err := s.Control.Kubectl(ctx, nil, "get", "lvsvs", "-n", "web", "tomcat", "-o",
			`jsonpath={.status.active} {.status.conditions[?(@.type=="Ready")].status}`)
		service = strings.TrimSpace(out)
		return service == director+" True", err
	})
	if err := s.Check(err == nil, "the VirtualService's status says that "+director+" serves it, and Ready=True", "%q", service); err != nil {
		return err
	}
	out, err := s.Control.Kubectl(ctx, nil, "get", "dg,lvsvs", "-A")
	if err != nil {
		return err
	}
	s.Block("kubectl get dg,lvsvs -A", out)
	return nil
}

// failOver kills the agent of the Active director and pulls its plug, and measures how long the virtual IP is silent.
func (s *scene) failOver(ctx context.Context, from, to string) error {
	poll := stage.StartPoll(ctx, s.Dial(client, target))
	defer poll.End()
	if err := stage.Listen(ctx, time.Second); err != nil {
		return err
	}
	died := time.Now()
	s.KillAgent(from)
	if err := s.Host(from).LinkDown(); err != nil {
		return err
	}
	// What was tried until now may still have been answered by the one that dies.
	gone := time.Now()
	done := s.Waiting("waiting for %s to take over", to)
	_, err := stage.Until(ctx, 2*takeOverBound, func() (bool, error) {
		_, answered := stage.Silence(poll.SoFar(), gone)
		return answered, nil
	})
	done()
	if err != nil {
		return fmt.Errorf("nobody answers at %s: %w", target, err)
	}
	if err := stage.Listen(ctx, 2*time.Second); err != nil {
		return err
	}
	tries := poll.End()
	gap, _ := stage.Silence(tries, gone)
	back := gone.Add(gap)
	s.Note("%s in the meantime", stage.OutcomeOf(tries, gone, back))
	if err := s.Check(back.Sub(died) <= takeOverBound, fmt.Sprintf("%s answers again within 3*interval + skew + 0.5 s = %.2f s", vip, takeOverBound.Seconds()),
		"%.2f s after %s died", back.Sub(died).Seconds(), from); err != nil {
		return err
	}
	after := stage.OutcomeOf(tries, back, time.Now())
	if err := s.Check(after.NoneFailed(), "no connection fails from then on", "%s", after); err != nil {
		return err
	}
	held, err := s.HoldsVIP(ctx, to, vip)
	if err != nil {
		return err
	}
	return s.Check(held, to+" is Active", "%s has %s on eth0: %t", to, vip, held)
}

// directorReturns brings the director back; with the higher priority it takes its role again.
func (s *scene) directorReturns(ctx context.Context) error {
	if err := s.handBack(ctx, master); err != nil {
		return err
	}
	if err := s.expectSpread(ctx, 50, 50); err != nil {
		return err
	}
	if err := s.sayNodeReady(ctx, master, "True"); err != nil {
		return err
	}
	return s.expectActive(ctx, master)
}

// handBack puts the plug of a dead director back, starts its agent, and measures what the hand-back costs a client.
func (s *scene) handBack(ctx context.Context, director string) error {
	poll := stage.StartPoll(ctx, s.Dial(client, target))
	defer poll.End()
	began := time.Now()
	if err := s.Host(director).LinkUp(); err != nil {
		return err
	}
	if err := s.StartAgent(ctx, director); err != nil {
		return err
	}
	if err := s.becomesActive(ctx, director); err != nil {
		return err
	}
	return s.noneFailed(ctx, poll, began)
}
