// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// directorDies takes the Active director away as a power cut does: no priority 0, no farewell.
func directorDies(ctx context.Context, s *scene) error {
	if err := s.failOver(ctx, master, brucelee); err != nil {
		return err
	}
	if err := s.showTable(ctx, brucelee); err != nil {
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
	s.note("the node controller says: %s is Ready=%s", node, status)
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":%q}]}}`, status)
	_, err := s.control.Kubectl(ctx, nil, "patch", "node", node, "--subresource=status", "--type=strategic", "-p", patch)
	return err
}

// expectActive waits until the group's status names one director as Active, and shows what kubectl shows.
func (s *scene) expectActive(ctx context.Context, director string) error {
	var active string
	_, err := until(ctx, patience, func() (bool, error) {
		out, err := s.control.Kubectl(ctx, nil, "get", "dg", "edge", "-o", "jsonpath={.status.active}")
		active = strings.TrimSpace(out)
		return active == director, err
	})
	if err := s.check(err == nil, "the DirectorGroup's status says that "+director+" is Active", "%q", active); err != nil {
		return err
	}
	var service string
	_, err = until(ctx, patience, func() (bool, error) {
		out, err := s.control.Kubectl(ctx, nil, "get", "lvsvs", "-n", "web", "tomcat", "-o",
			`jsonpath={.status.active} {.status.conditions[?(@.type=="Ready")].status}`)
		service = strings.TrimSpace(out)
		return service == director+" True", err
	})
	if err := s.check(err == nil, "the VirtualService's status says that "+director+" serves it, and Ready=True", "%q", service); err != nil {
		return err
	}
	out, err := s.control.Kubectl(ctx, nil, "get", "dg,lvsvs", "-A")
	if err != nil {
		return err
	}
	s.block("kubectl get dg,lvsvs -A", out)
	return nil
}

// failOver kills the agent of the Active director and pulls its plug, and measures how long the virtual IP is silent.
func (s *scene) failOver(ctx context.Context, from, to string) error {
	poll := s.startPoll(ctx)
	defer poll.end()
	if err := s.listen(ctx, time.Second); err != nil {
		return err
	}
	died := time.Now()
	s.agents[from].kill()
	if err := s.hosts[from].LinkDown(); err != nil {
		return err
	}
	// What was tried until now may still have been answered by the one that dies.
	gone := time.Now()
	done := s.waiting("waiting for %s to take over", to)
	_, err := until(ctx, 2*takeOverBound, func() (bool, error) {
		_, answered := silence(poll.soFar(), gone)
		return answered, nil
	})
	done()
	if err != nil {
		return fmt.Errorf("nobody answers at %s: %w", target, err)
	}
	if err := s.listen(ctx, 2*time.Second); err != nil {
		return err
	}
	tries := poll.end()
	gap, _ := silence(tries, gone)
	back := gone.Add(gap)
	failed, all := failures(tries, gone, back)
	late, lateAll := failures(tries, back, time.Now())
	s.note("%d of %d connections failed in the meantime", failed, all)
	if err := s.check(back.Sub(died) <= takeOverBound, fmt.Sprintf("%s answers again within 3*interval + skew + 0.5 s = %.2f s", vip, takeOverBound.Seconds()),
		"%.2f s after %s died", back.Sub(died).Seconds(), from); err != nil {
		return err
	}
	if err := s.check(late == 0 && lateAll > 0, "no connection fails from then on", "%d of %d failed", late, lateAll); err != nil {
		return err
	}
	held, err := s.holdsVIP(ctx, to)
	if err != nil {
		return err
	}
	return s.check(held, to+" is Active", "%s has %s on eth0: %t", to, vip, held)
}

// directorReturns brings the director back; with the higher priority it takes its role again.
func directorReturns(ctx context.Context, s *scene) error {
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
	poll := s.startPoll(ctx)
	defer poll.end()
	began := time.Now()
	if err := s.hosts[director].LinkUp(); err != nil {
		return err
	}
	if err := s.startAgent(ctx, director); err != nil {
		return err
	}
	done := s.waiting("waiting for %s to be Active again", director)
	took, err := until(ctx, patience, func() (bool, error) { return s.settled(ctx, director) })
	done()
	if err := s.check(err == nil, director+" is Active again, and alone", "%.1f s after its return", took.Seconds()); err != nil {
		return err
	}
	if err := s.listen(ctx, 2*time.Second); err != nil {
		return err
	}
	failed, all := failures(poll.end(), began, time.Now())
	s.note("the hand-back: %d of %d connections failed (goal: none)", failed, all)
	return nil
}
