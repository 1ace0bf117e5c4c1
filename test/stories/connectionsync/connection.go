// SPDX-License-Identifier: Apache-2.0

package connectionsync

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// each is how many connections there are by each method: half of them speak all the time, the others when they are asked to.
const each = 100

// echoBound is how long an echo may take: TCP repeats what was lost after 0.2 s, 0.6 s, 1.4 s and so on, so that the echo of what was
// sent as the Active director died may take twice as long as the failover.
const echoBound = 15 * time.Second

// connection is one that is idle, or one that speaks.
type connection struct {
	target string
	idle   net.Conn
	reader *bufio.Reader
	speaks *stage.Hold
}

// connect makes the connections, and waits until the second director's kernel knows them from the first's.
func (s *scene) connect(ctx context.Context) error {
	for _, target := range []string{direct, nat} {
		for range each / 2 {
			if err := s.addIdle(ctx, target); err != nil {
				return err
			}
			speaks := stage.StartHoldEvery(ctx, s.DialFresh(client, target), time.Second, echoBound)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-speaks.Connected:
			}
			s.connections = append(s.connections, &connection{target: target, speaks: speaks})
		}
	}
	return s.knows(ctx, second)
}

func (s *scene) addIdle(ctx context.Context, target string) error {
	conn, err := s.DialFresh(client, target)(ctx)
	if err != nil {
		return err
	}
	c := &connection{target: target, idle: conn, reader: bufio.NewReader(conn)}
	s.connections = append(s.connections, c)
	if _, err := c.reader.ReadString('\n'); err != nil {
		return fmt.Errorf("the server at %s says nothing: %w", target, err)
	}
	return c.echo("established")
}

// echo says something and waits until it comes back.
func (c *connection) echo(word string) error {
	err := c.idle.SetDeadline(time.Now().Add(echoBound))
	if err == nil {
		_, err = fmt.Fprintln(c.idle, word)
	}
	if err != nil {
		return err
	}
	back, err := c.reader.ReadString('\n')
	if err == nil && strings.TrimSpace(back) != word {
		err = fmt.Errorf("said %q, got %q back", word, back)
	}
	return err
}

// goOn has the idle connections speak once, and looks whether one that speaks all the time has ended.
func (s *scene) goOn(word string) error {
	type result struct {
		target string
		err    error
	}
	results := make(chan result)
	for _, c := range s.connections {
		go func() {
			if c.idle != nil {
				results <- result{c.target, c.echo(word)}
				return
			}
			results <- result{c.target, c.speaks.Broken()}
		}()
	}
	alive := map[string]int{}
	var failure error
	for range s.connections {
		r := <-results
		if r.err != nil {
			failure = fmt.Errorf("a connection to %s: %w", r.target, r.err)
			continue
		}
		alive[r.target]++
	}
	if failure != nil {
		s.Note("%v", failure)
	}
	return s.Check(alive[direct] == each && alive[nat] == each, "every connection goes on",
		"%d of %d by direct routing, %d of %d by NAT", alive[direct], each, alive[nat], each)
}

// known is how many of the connections a director's kernel has as established.
func (s *scene) known(ctx context.Context, director string) (int, error) {
	table, err := s.Run(ctx, director, "ipvsadm", "-Lcn")
	count := 0
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) > 4 && fields[2] == "ESTABLISHED" && strings.HasPrefix(fields[3], s.Host(client).Address().String()+":1") {
			count++
		}
	}
	return count, err
}

// knows waits until a director's kernel has every connection.
func (s *scene) knows(ctx context.Context, director string) error {
	count := 0
	_, err := stage.Until(ctx, stage.Patience, func() (_ bool, err error) {
		count, err = s.known(ctx, director)
		return count >= 2*each, err
	})
	return s.Check(err == nil, director+" has all of them in its table: ipvsadm -Lcn", "%d of %d", count, 2*each)
}

// noneLost ends the connections and counts.
func (s *scene) noneLost(context.Context) error {
	echoes, longest := 0, 0.0
	for _, c := range s.connections {
		if c.idle != nil {
			if err := c.idle.Close(); err != nil {
				return err
			}
			continue
		}
		held, err := c.speaks.End()
		if err != nil {
			return err
		}
		if held.Failure != "" || held.Echoes == 0 {
			return s.Check(false, "no connection ended", "one to %s: %s after %d echoes", c.target, held.Error, held.Echoes)
		}
		echoes += held.Echoes
		longest = max(longest, held.LongestMilliseconds)
	}
	return s.Check(true, "no connection ended", "%d echoes on those that spoke all the time, the longest wait for one was %.1f s", echoes, longest/1000)
}
