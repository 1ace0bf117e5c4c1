// SPDX-License-Identifier: Apache-2.0

// Package tutorial plays the classic LVS tutorial (a pair of directors, two real servers, one virtual IP) on a real kernel
// with the real agent, and checks each step. It runs on the machine whose kernel has IPVS; it installs nothing.
package tutorial

import (
	"context"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// What the tutorial configures; config/samples/tutorial says the same.
const (
	vip      = "192.168.1.200"
	port     = 8080
	target   = vip + ":8080"
	interval = time.Second

	checkInterval = 6 * time.Second
	checkTimeout  = 10 * time.Second
	checkDelay    = 3 * time.Second
	checkRetries  = 3
)

// takeOverBound is how long the virtual IP may be silent when the Active director (priority 100) dies: the Backup's (priority
// 99) Active_Down_Interval of RFC 3768 section 6.1, and half a second for everything else.
const takeOverBound = 3*interval + (256-99)*time.Second/256 + 500*time.Millisecond

// removalBound is how long a dead real server that refuses connections may stay in the directors' tables.
const removalBound = checkInterval + checkRetries*(checkTimeout+checkDelay)

// Story is the tutorial.
func Story() stage.Story {
	return stage.Story{
		Name: "tutorial",
		Set: func(ctx context.Context, s *stage.Stage) ([]stage.Step, error) {
			scene := &scene{s}
			return scene.steps(), scene.build(ctx)
		},
		Try: []string{"client hosttool poll -target 192.168.1.200:8080 -count 4", "master ipvsadm -Ln"},
	}
}

func (s *scene) steps() []stage.Step {
	return []stage.Step{
		{Title: "2, 3  Configure: kubectl apply -f config/samples/tutorial", Play: s.configure},
		{Title: "2     The real servers' set-up", Play: s.realServersSetUp},
		{Title: "3     The password stays in its Secret", Play: s.passwordStaysSecret},
		{Title: "4.1   The spread over both real servers, weights 3:3", Play: s.evenSpread},
		{Title: "4.1   The spread at weights 3:1", Play: s.unevenSpread},
		{Title: "4.2   A real server stops", Play: s.realServerStops},
		{Title: "4.2   The real server is back", Play: s.realServerReturns},
		{Title: "4.3   The Active director dies: kill -9 and link down", Play: s.directorDies},
		{Title: "4.3   The director is back and takes its role again", Play: s.directorReturns},
		{Title: "4.4   The Active director's Node is cordoned, and uncordoned", Play: s.nodeIsCordoned},
		{Title: "5     The agent is killed and started again; the kernel goes on", Play: s.agentRestarts},
		{Title: "6     The API server stops; a real server and the Active director die meanwhile", Play: s.noAPIServer},
		{Title: "6     The API server is back", Play: s.apiServerReturns},
	}
}
