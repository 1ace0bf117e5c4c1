// SPDX-License-Identifier: Apache-2.0

package cachecluster

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
	"github.com/lvs-operator/lvs-operator/test/stage"
)

// demandMoves holds so many connections to one web server that its cache is overloaded: by lblc it moves for good.
func (s *scene) demandMoves(ctx context.Context) error {
	first, second, next, err := s.demand(ctx, webServer(200))
	if err != nil {
		return err
	}
	return s.Check(next == second, "though "+first+" has no connection left, the web server stays at "+second, "the next one: %s", next)
}

// demandShares does the same by lblcr: both caches are the web server's from then on, and the idle one gets the next.
func (s *scene) demandShares(ctx context.Context) error {
	if err := s.SetScheduler(ctx, "caches", "web", "lblcr", mark, directors()...); err != nil {
		return err
	}
	first, second, next, err := s.demand(ctx, webServer(201))
	if err != nil {
		return err
	}
	return s.Check(next == first, first+", which has no connection left, is still one of the web server's caches, beside "+second, "the next one: %s", next)
}

// demand holds connections to a web server until its cache has more than its weight, and one more, which has to go to another
// cache; then it ends those at the first cache, and says who gets the next one.
func (s *scene) demand(ctx context.Context, target string) (first, second, next string, err error) {
	held := visitors{dial: s.DialFresh(client, target)}
	defer held.leave("")
	var answers []string
	for range weight + 2 {
		name, err := held.come(ctx)
		if err != nil {
			return "", "", "", fmt.Errorf("hold a connection to %s: %w", target, err)
		}
		answers = append(answers, name)
	}
	first, second = answers[0], answers[weight+1]
	alike := strings.Count(strings.Join(answers, " "), first)
	if err := s.Check(alike == weight+1 && second != first,
		fmt.Sprintf("of %d connections that stay open to %s, %d are at one cache, of weight %d, and the last is at another", weight+2, target, weight+1, weight),
		"%s", strings.Join(answers, ", ")); err != nil {
		return "", "", "", err
	}
	if err := s.ShowTable(ctx, gate1); err != nil {
		return "", "", "", err
	}
	held.leave(first)
	if err := s.awaitIdle(ctx, first); err != nil {
		return "", "", "", err
	}
	if next, err = held.come(ctx); err != nil {
		return "", "", "", fmt.Errorf("connect to %s: %w", target, err)
	}
	held.leave("")
	for _, cache := range caches() {
		if err := s.awaitIdle(ctx, cache); err != nil {
			return "", "", "", err
		}
	}
	return first, second, next, nil
}

// awaitIdle waits until the Active director counts no active connection to a cache.
func (s *scene) awaitIdle(ctx context.Context, cache string) error {
	if _, err := stage.Until(ctx, 10*time.Second, func() (bool, error) {
		table, err := s.Table(ctx, gate1)
		for line := range strings.Lines(table) {
			// -> 192.0.2.11:0   Route   4      0          12
			fields := strings.Fields(line)
			if len(fields) == 6 && fields[1] == s.Host(cache).Address().String()+":0" {
				return fields[4] == "0", err
			}
		}
		return false, err
	}); err != nil {
		return fmt.Errorf("%s has active connections after their clients have left: %w", cache, err)
	}
	return nil
}

// visitors are connections that stay open.
type visitors struct {
	dial traffic.Dial
	open map[net.Conn]string
}

// come makes one more and returns who answered.
func (v *visitors) come(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	name, conn, err := traffic.Connect(ctx, v.dial)
	if err != nil {
		return "", err
	}
	if v.open == nil {
		v.open = map[net.Conn]string{}
	}
	v.open[conn] = name
	return name, nil
}

// leave ends those that a cache answered; all if it is "".
func (v *visitors) leave(cache string) {
	for conn, name := range v.open {
		if cache == "" || name == cache {
			_ = conn.Close()
			delete(v.open, conn)
		}
	}
}
