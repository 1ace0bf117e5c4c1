// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"context"
	"errors"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/test/network"
)

// director is a host and its kernel, as the agent sees it.
type director struct {
	*network.Host
	kernel *kernel.Kernel
}

func openDirector(host *network.Host) (director, error) {
	d := director{Host: host}
	err := host.Do(func() (err error) {
		d.kernel, err = kernel.Open(kernel.ProcSys)
		return err
	})
	return d, err
}

// close leaves what was written in the kernel.
func (d director) close() {
	if d.kernel != nil {
		d.kernel.Close()
	}
}

// apply has the kernel carry operations out, also while a test is cleaned up.
func (d director) apply(t *testing.T, operations ...plan.Operation) {
	t.Helper()
	var failures []kernel.Failure
	err := d.Do(func() error {
		failures = d.kernel.Apply(context.WithoutCancel(t.Context()), operations)
		return nil
	})
	for _, failure := range failures {
		err = errors.Join(err, failure.Err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// read reads a service back.
func (d director) read(t *testing.T, key ipvs.ServiceKey) ipvs.Reading {
	t.Helper()
	var readings []ipvs.Reading
	err := d.Do(func() (err error) {
		readings, err = d.kernel.Services(t.Context(), []ipvs.ServiceKey{key})
		return err
	})
	if err != nil || len(readings) != 1 {
		t.Fatalf("read %s on %s: %d services, %v", key, d.Name(), len(readings), err)
	}
	return readings[0]
}

// apply has the kernel of the scene's director carry operations out.
func apply(t *testing.T, operations ...plan.Operation) {
	t.Helper()
	stage.director.apply(t, operations...)
}
