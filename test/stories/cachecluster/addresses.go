// SPDX-License-Identifier: Apache-2.0

package cachecluster

import (
	"context"
	"fmt"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

const (
	// webServers is how many addresses the client asks for, from 203.0.113.1 on.
	webServers = 24
	// visits is how many connections it makes to each.
	visits = 3
)

func webServer(number int) string { return fmt.Sprintf("203.0.113.%d:80", number) }

// addressesKeep asks for many web servers, each several times.
func (s *scene) addressesKeep(ctx context.Context) error {
	keeper, err := s.keepers(ctx)
	if err != nil {
		return err
	}
	used := map[string]int{}
	for _, cache := range keeper {
		used[cache]++
	}
	if err := s.Check(len(used) == len(caches()), "every cache has some of the web servers", "%s", stage.Counts(used)); err != nil {
		return err
	}
	return s.ShowTable(ctx, gate1)
}

// keepers says which cache answers for each web server. Two that answer for one are an error, and so is anybody else.
func (s *scene) keepers(ctx context.Context) (map[int]string, error) {
	keeper := map[int]string{}
	var torn []string
	for number := 1; number <= webServers; number++ {
		answers, err := stage.Spread(ctx, s.DialFresh(client, webServer(number)), visits)
		if err != nil {
			return nil, fmt.Errorf("ask for %s: %w", webServer(number), err)
		}
		for cache := range answers {
			keeper[number] = cache
		}
		if len(answers) != 1 || keeper[number] == internet {
			torn = append(torn, webServer(number)+": "+stage.Counts(answers))
		}
	}
	return keeper, s.Check(len(torn) == 0, fmt.Sprintf("%d web servers asked for %d times each: always the same cache answers", webServers, visits),
		"%d web servers answered by several: %q", len(torn), torn)
}

// restPasses shows that the mark is for port 80 of others only: other ports are routed, and the directors' own web servers
// answer at their addresses and at the gateway's.
func (s *scene) restPasses(ctx context.Context) error {
	for _, own := range []struct{ target, who, why string }{
		{"203.0.113.1:443", internet, "another port is routed to the web server itself"},
		{"192.0.2.1:80", gate1, "the Active director's own port 80 stays its own"},
		{gateway + ":80", gate1, "and so does that of the gateway's address"},
		{"192.0.2.2:80", gate2, "the other director's own port 80 stays its own"},
	} {
		answers, err := stage.Spread(ctx, s.DialFresh(client, own.target), visits)
		if err != nil {
			return fmt.Errorf("ask for %s: %w", own.target, err)
		}
		if err := s.Check(answers[own.who] == visits, own.why+": "+own.target+" is "+own.who, "%s", stage.Counts(answers)); err != nil {
			return err
		}
	}
	return nil
}
