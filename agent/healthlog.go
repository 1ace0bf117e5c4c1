// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/serving"
)

// logStretch is the time within which at most longList real servers that go up or down are logged one by one. The others are counted.
const logStretch = 5 * time.Second

// transitionLog is what was logged of real servers that went up and down. The zero value has logged none.
type transitionLog struct {
	// began is when the stretch began, and logged how many of it were logged.
	began  time.Time
	logged int
	// moreUp and moreDown are those of it that were not.
	moreUp, moreDown int
	// consequences counts the services of which something followed.
	consequences int
}

// logTransitions logs which real servers went up and down since it was last called, and why. However many do, it logs few lines.
func (a *Agent) logTransitions(now time.Time) {
	taken := a.health.TakeTransitions()
	l := &a.transitionLog
	if now.Sub(l.began) >= logStretch {
		if l.moreUp+l.moreDown > 0 {
			a.log.Info("more real servers went up and down", "up", l.moreUp, "down", l.moreDown, "within", now.Sub(l.began).Round(time.Second).String())
		}
		if more := l.consequences - longList; more > 0 {
			a.log.Warn("the health of more services has led to something: see NodeState", "services", more)
		}
		*l = transitionLog{began: now}
	}
	for _, t := range taken.First {
		switch {
		case l.logged < longList:
			l.logged++
			a.logTransition(t)
		case t.To == health.Up:
			l.moreUp++
		default:
			l.moreDown++
		}
	}
	l.moreUp, l.moreDown = l.moreUp+taken.MoreUp, l.moreDown+taken.MoreDown
}

func (a *Agent) logTransition(t monitor.Transition) {
	log := a.log.With("address", t.Target.Address.String(), "check", t.Target.Spec.What())
	if t.To == health.Up {
		log.Info("real server is up")
		return
	}
	log.Info("real server is down", "reason", t.Reason)
}

// logConsequence logs what the health of a service's real servers has led to: as many lines in a stretch as of real servers.
func (a *Agent) logConsequence(service *desired.Service, d serving.Decision) {
	l := &a.transitionLog
	if l.consequences++; l.consequences > longList {
		return
	}
	log := a.log.Warn
	if d.Consequence == serving.None {
		log = a.log.Info
	}
	log("health of a service: "+d.Consequence.String(), "service", service.ID, "healthy", d.Healthy, "realServers", len(service.Destinations))
}
