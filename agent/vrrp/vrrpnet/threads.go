// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"errors"
	"fmt"
	"sync"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// Threads are the threads of a node's interfaces: one for each interface on which a virtual router runs.
type Threads struct {
	// onThread, if set, runs first on each thread, before anything is opened there, for instance to enter another network
	// namespace. A thread ends with its last router. An error is that of the Start that needed the thread.
	onThread func() error

	mu     sync.Mutex
	byName map[string]*thread
}

// NewThreads returns the threads of a node, of which none runs yet. onThread, if not nil, runs first on each of them: it may enter
// another network namespace.
func NewThreads(onThread func() error) *Threads {
	return &Threads{onThread: onThread, byName: map[string]*thread{}}
}

// Start begins to run a virtual router, as Backup unless Options say otherwise. An interface that is absent, down or without an
// address is no error, nor is one of which the kernel cannot tell at present: the state is Initialize and Fault says why, until the
// interface is usable. An invalid configuration, a router id of the same family that runs on the interface already, and a missing
// capability are errors.
func (ts *Threads) Start(o Options) (*Runner, error) {
	instance, err := vrrp.NewInstance(o.Config)
	if err != nil {
		return nil, fmt.Errorf("start VRRP on %s: %w", o.Interface, err)
	}
	for {
		t, err := ts.thread(o.Interface)
		if err != nil {
			return nil, fmt.Errorf("start VRRP on %s: %w", o.Interface, err)
		}
		runner, err := t.add(o, instance)
		if errors.Is(err, ErrStopped) {
			// Its last router has just ended, and the thread with it.
			ts.forget(t)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("start VRRP on %s: %w", o.Interface, err)
		}
		return runner, nil
	}
}

// thread is the one of an interface, a new one if none runs.
func (ts *Threads) thread(name string) (*thread, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t, runs := ts.byName[name]; runs {
		return t, nil
	}
	t, err := startThread(name, ts.onThread)
	if err != nil {
		return nil, err
	}
	ts.byName[name] = t
	return t, nil
}

func (ts *Threads) forget(t *thread) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.byName[t.name] == t {
		delete(ts.byName, t.name)
	}
}

// Strangers returns the virtual router ids that were heard on an interface within the last minute and are none of ours there.
func (ts *Threads) Strangers(name string) []Stranger {
	ts.mu.Lock()
	t := ts.byName[name]
	ts.mu.Unlock()
	if t == nil {
		return nil
	}
	return t.strangers.list()
}
