// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// answerTimeout bounds the wait for the answer to one netlink request.
const answerTimeout = 3 * time.Second

// Kernel is the kernel of one network namespace. Its methods may be called from several goroutines, and a change of
// addresses does not wait for a long change of IPVS.
type Kernel struct {
	// links looks up interfaces and netlink families.
	links *netlink.Handle
	// sockets hold one socket for addresses and one for IPVS; each carries one request at a time.
	sockets map[int]*nl.SocketHandle
	// procSys is where sysctls are.
	procSys string
}

// ProcSys is where the kernel shows its sysctls (proc_sys(5)).
const ProcSys = "/proc/sys"

// Open opens the kernel of the calling thread's network namespace. /proc/sys/net too follows the namespace of the thread
// that reads it, so a process that is in several must call each method from a thread in the right one. It needs no IPVS:
// Preflight tells whether there is any.
//
// procSys is ProcSys, or where a container that sees that read-only has a writable mount of it.
func Open(procSys string) (*Kernel, error) {
	links, err := netlink.NewHandle(unix.NETLINK_ROUTE, unix.NETLINK_GENERIC)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	k := &Kernel{links: links, sockets: map[int]*nl.SocketHandle{}, procSys: procSys}
	if err := links.SetSocketTimeout(answerTimeout); err != nil {
		k.Close()
		return nil, fmt.Errorf("limit the wait for netlink: %w", err)
	}
	timeout := unix.NsecToTimeval(answerTimeout.Nanoseconds())
	for _, protocol := range []int{unix.NETLINK_ROUTE, unix.NETLINK_GENERIC} {
		socket, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), protocol)
		if err != nil {
			k.Close()
			return nil, fmt.Errorf("open netlink: %w", err)
		}
		k.sockets[protocol] = &nl.SocketHandle{Socket: socket}
		if err := errors.Join(socket.SetSendTimeout(&timeout), socket.SetReceiveTimeout(&timeout)); err != nil {
			k.Close()
			return nil, fmt.Errorf("limit the wait for netlink: %w", err)
		}
	}
	return k, nil
}

// Close frees the sockets. What was written stays in the kernel. The Kernel is of no use afterwards.
func (k *Kernel) Close() {
	k.links.Close()
	for _, socket := range k.sockets {
		socket.Close()
	}
}

// Preflight is nil if the kernel has IPVS, and otherwise ErrNoIPVS or why that cannot be told. Asking makes a kernel that
// may load modules load ip_vs by itself.
func (k *Kernel) Preflight() error {
	_, err := k.ipvs()
	return err
}

// Read reads what the query asks for, and all IPv4 addresses. With an error that is ErrNoIPVS, or any other of IPVS, there is
// no table, and the rest of the answer is good; if something else cannot be read the answer is empty.
func (k *Kernel) Read(ctx context.Context, query Query) (plan.Actual, error) {
	var actual plan.Actual
	var err, ipvsErr error
	if actual.Addresses, err = k.readAddresses(); err != nil {
		return plan.Actual{}, err
	}
	// IPVS before the sysctls: asking for its family may load ip_vs, and net.ipv4.vs exists only then.
	actual.IPVS, ipvsErr = k.readServices(ctx, query.Owned)
	if actual.Sysctls, err = k.readSysctls(query.Sysctls); err != nil {
		return plan.Actual{}, err
	}
	return actual, ipvsErr
}

// Apply carries the operations out in order, and returns those that the kernel refused. One that is refused does not stop
// the others. Adding what exists updates it, updating what does not exist adds it, and deleting what does not exist
// succeeds. When the context ends, the operations that remain are refused with its cause.
func (k *Kernel) Apply(ctx context.Context, operations []plan.Operation) []Failure {
	var failures []Failure
	var table *ipvsClient
	for _, operation := range operations {
		err := context.Cause(ctx)
		if err == nil {
			err = k.apply(operation, &table)
		}
		if err != nil {
			failures = append(failures, Failure{Operation: operation, Err: err})
		}
	}
	return failures
}

// apply carries one operation out. The client of the IPVS table is made when the first operation needs it.
func (k *Kernel) apply(operation plan.Operation, table **ipvsClient) error {
	switch o := operation.(type) {
	case plan.AddAddress:
		return k.addAddress(o)
	case plan.DeleteAddress:
		return k.deleteAddress(o)
	case plan.SetSysctl:
		return k.writeSysctl(o)
	}
	if *table == nil {
		client, err := k.ipvs()
		if err != nil {
			return fmt.Errorf("%s: %w", operation, err)
		}
		*table = client
	}
	return (*table).apply(operation)
}
