// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// daemonSteps are the operations on sync daemons.
type daemonSteps struct {
	stop, start []Operation
}

// diffDaemons stops those of ours that are not wanted as they run, and starts what is wanted where none runs then.
func diffDaemons(in In) daemonSteps {
	var steps daemonSteps
	if in.Actual.DaemonsErr != nil {
		return steps
	}
	for _, state := range []ipvs.DaemonState{ipvs.Master, ipvs.Backup} {
		wanted, wants := daemonOf(in.Daemons, state)
		running, runs := daemonOf(in.Actual.Daemons, state)
		if runs && wants && satisfies(running, wanted) || runs && !in.started(running) {
			continue
		}
		if runs {
			steps.stop = append(steps.stop, &StopDaemon{state})
		}
		if wants {
			steps.start = append(steps.start, &StartDaemon{wanted})
		}
	}
	return steps
}

// ForeignDaemons are the sync daemons of others that run, with other parameters, where we want ours. They are left alone.
func ForeignDaemons(in In) []ipvs.Daemon {
	var foreign []ipvs.Daemon
	for _, running := range in.Actual.Daemons {
		wanted, wants := daemonOf(in.Daemons, running.State)
		if wants && !satisfies(running, wanted) && !in.started(running) {
			foreign = append(foreign, running)
		}
	}
	return foreign
}

// StartedNow are In.Started with those that the operations start, and without those that run no more. It has to be on disk,
// as In.Started, before the operations are carried out: the kernel does not tell who started a daemon.
func StartedNow(in In, operations []Operation) []ipvs.Daemon {
	var started []ipvs.Daemon
	for _, ours := range in.Started {
		running, runs := daemonOf(in.Actual.Daemons, ours.State)
		if in.Actual.DaemonsErr != nil || runs && satisfies(running, ours) {
			started = append(started, ours)
		}
	}
	for _, operation := range operations {
		if o, starts := operation.(*StartDaemon); starts && !slices.Contains(started, o.Daemon) {
			started = append(started, o.Daemon)
		}
	}
	return started
}

// started says whether a daemon that runs is one that we started.
func (in In) started(running ipvs.Daemon) bool {
	return slices.ContainsFunc(in.Started, func(ours ipvs.Daemon) bool { return satisfies(running, ours) })
}

// satisfies says whether a daemon that runs is as wanted; the kernel chose what is zero in wanted.
func satisfies(running, wanted ipvs.Daemon) bool {
	if wanted.MaxLength == 0 {
		wanted.MaxLength = running.MaxLength
	}
	if !wanted.Group.IsValid() {
		wanted.Group = running.Group
	}
	if wanted.Port == 0 {
		wanted.Port = running.Port
	}
	if wanted.TTL == 0 {
		wanted.TTL = running.TTL
	}
	return running == wanted
}

func daemonOf(daemons []ipvs.Daemon, state ipvs.DaemonState) (daemon ipvs.Daemon, found bool) {
	i := slices.IndexFunc(daemons, func(d ipvs.Daemon) bool { return d.State == state })
	if i < 0 {
		return ipvs.Daemon{}, false
	}
	return daemons[i], true
}
