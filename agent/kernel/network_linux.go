// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// readPolicy reads firewall marks and policy routes: all of them, or why not. Whatever else the node does goes on without.
func (k *Kernel) readPolicy(ctx context.Context, actual *plan.Actual) {
	if err := k.readEachPolicy(ctx, actual); err != nil {
		actual.Marks, actual.MarksTampered, actual.Routes, actual.Rules = nil, false, nil, nil
		actual.MarksErr = err
	}
}

func (k *Kernel) readEachPolicy(ctx context.Context, actual *plan.Actual) error {
	var err error
	if actual.Marks, actual.MarksTampered, err = k.readMarks(ctx); err != nil {
		return err
	}
	if actual.Routes, err = k.readRoutes(); err != nil {
		return err
	}
	actual.Rules, err = k.readRules()
	return err
}

// applyNetwork carries out one operation on links, addresses, firewall marks, closed virtual IPs or policy routes.
func (k *Kernel) applyNetwork(operation plan.Operation) error {
	switch o := operation.(type) {
	case *plan.AddLink:
		return k.addLink(*o)
	case *plan.SetLink:
		return k.setLink(*o)
	case *plan.DeleteLink:
		return k.deleteLink(*o)
	case *plan.AddAddress:
		return k.addAddress(*o)
	case *plan.DeleteAddress:
		return k.deleteAddress(*o)
	case *plan.SetMarks:
		return k.setMarks(o.Rules)
	case *plan.SetClosed:
		return k.setClosed(o.Addresses)
	case *plan.AddRoute:
		return k.addRoute(*o)
	case *plan.DeleteRoute:
		return k.deleteRoute(*o)
	case *plan.AddRule:
		return k.addRule(*o)
	case *plan.DeleteRule:
		return k.deleteRule(*o)
	default:
		return fmt.Errorf("%s: unknown operation %T", operation, operation)
	}
}

// change sends one rtnetlink request that changes something.
func (k *Kernel) change(command, flags int, data ...nl.NetlinkRequestData) error {
	request := nl.NewNetlinkRequest(command, flags|unix.NLM_F_ACK)
	request.Sockets = k.sockets
	for _, each := range data {
		request.AddData(each)
	}
	_, err := request.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// dump lists things as rtnetlink messages, again if they changed meanwhile.
func (k *Kernel) dump(command int, answer uint16, data ...nl.NetlinkRequestData) ([][]byte, error) {
	for try := 1; ; try++ {
		request := nl.NewNetlinkRequest(command, unix.NLM_F_DUMP)
		request.Sockets = k.sockets
		for _, each := range data {
			request.AddData(each)
		}
		messages, err := request.Execute(unix.NETLINK_ROUTE, answer)
		if err == nil || !errors.Is(err, nl.ErrDumpInterrupted) || try == dumpTries {
			return messages, err
		}
	}
}

// native32 reads a number in the byte order of the machine, which those of rtnetlink are; 0 for one that is absent or too
// short.
func (a attributes) native32(kind uint16) uint32 {
	if value := a[kind]; len(value) >= 4 {
		return nl.NativeEndian().Uint32(value)
	}
	return 0
}
