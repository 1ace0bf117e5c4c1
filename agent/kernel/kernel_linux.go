// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/ipvsnet"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// answerTimeout bounds the wait for the answer to one netlink request.
const answerTimeout = 3 * time.Second

// Kernel is the kernel of one network namespace. Its methods may be called from several goroutines, and a change of
// addresses does not wait for a long change of IPVS.
type Kernel struct {
	// links looks up interfaces.
	links *netlink.Handle
	// sockets hold the socket for addresses, which carries one request at a time.
	sockets map[int]*nl.SocketHandle
	table   table
	marks   marks
	closed  closed
	// holds have a socket of their own too: a hand-over does not wait for a reading of marks.
	holds holds
	// takeover has a socket of its own: a virtual IP that has to come does not wait for a reading.
	takeover takeover
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
	links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	client, err := ipvsnet.Open()
	if err != nil {
		links.Close()
		return nil, err
	}
	k := &Kernel{links: links, sockets: map[int]*nl.SocketHandle{}, table: table{client: client}, procSys: procSys}
	if err := links.SetSocketTimeout(answerTimeout); err != nil {
		k.Close()
		return nil, fmt.Errorf("limit the wait for netlink: %w", err)
	}
	timeout := unix.NsecToTimeval(answerTimeout.Nanoseconds())
	socket, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		k.Close()
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	k.sockets[unix.NETLINK_ROUTE] = &nl.SocketHandle{Socket: socket}
	if err := errors.Join(socket.SetSendTimeout(&timeout), socket.SetReceiveTimeout(&timeout)); err != nil {
		k.Close()
		return nil, fmt.Errorf("limit the wait for netlink: %w", err)
	}
	// A kernel before 4.20 lists more than was asked for.
	_ = unix.SetsockoptInt(socket.GetFd(), unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	for _, n := range []*nft{&k.marks.nft, &k.closed.nft, &k.holds.nft} {
		if *n, err = openNFT(); err != nil {
			k.Close()
			return nil, err
		}
	}
	if err := k.takeover.open(); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// Close frees the sockets. What was written stays in the kernel. The Kernel is of no use afterwards.
func (k *Kernel) Close() {
	k.links.Close()
	k.table.close()
	k.marks.nft.close()
	k.closed.nft.close()
	k.holds.nft.close()
	k.takeover.close()
	for _, socket := range k.sockets {
		socket.Close()
	}
}

// Preflight is nil if the kernel has IPVS, and otherwise ErrNoIPVS or why that cannot be told. Asking makes a kernel that
// may load modules load ip_vs by itself.
func (k *Kernel) Preflight() error {
	return k.table.preflight()
}

// Read reads what the query asks for, and the addresses of all interfaces. It fails only where it cannot read those, or the links that
// carry some: virtual IPs must come and go whatever else is wrong. Why marks, closed virtual IPs, settings or sync daemons could not be read is in the answer.
func (k *Kernel) Read(ctx context.Context, query Query) (plan.Actual, error) {
	var actual plan.Actual
	var err error
	if query.Links {
		if actual.Links, err = k.readLinks(query.LinkNames); err != nil {
			return plan.Actual{}, err
		}
	}
	if actual.Addresses, err = k.readAddresses(); err != nil {
		return plan.Actual{}, err
	}
	markLinks(&actual)
	if query.Marks {
		k.readPolicy(ctx, &actual)
	}
	if query.Closed {
		actual.Closed, actual.ClosedTampered, actual.ClosedErr = k.readClosed(ctx)
	}
	k.readSettings(ctx, query, &actual)
	if query.Daemons {
		actual.Daemons, actual.DaemonsErr = k.table.daemons()
	}
	actual.Modules = loadedModules(query.Modules)
	return actual, nil
}

// readSettings reads time-outs and sysctls: all of them, or why not.
func (k *Kernel) readSettings(ctx context.Context, query Query, actual *plan.Actual) {
	var err error
	if query.IPVS {
		// Before the sysctls: asking may load ip_vs, and net.ipv4.vs exists only then.
		if actual.Timeouts, err = k.Timeouts(ctx); errors.Is(err, ErrNoIPVS) {
			err = nil
		}
	}
	if err == nil {
		actual.Sysctls, err = k.readSysctls(query.Sysctls)
	}
	if err != nil {
		actual.Timeouts, actual.Sysctls, actual.SettingsErr = ipvs.Timeouts{}, nil, err
	}
}

// Apply carries the operations out in order, and returns those that the kernel refused. One that is refused does not stop
// the others. Adding what exists updates it, updating what does not exist adds it, and deleting what does not exist
// succeeds. When the context ends, the operations that remain are refused with its cause.
//
// Operations on IPVS that follow one another go to the kernel in few messages.
func (k *Kernel) Apply(ctx context.Context, operations []plan.Operation) []Failure {
	var failures []Failure
	for len(operations) > 0 {
		run := slices.IndexFunc(operations, func(o plan.Operation) bool { return !ofIPVS(o) })
		if run < 0 {
			run = len(operations)
		}
		if run > 0 {
			failures = append(failures, k.table.apply(ctx, operations[:run])...)
			operations = operations[run:]
			continue
		}
		err := context.Cause(ctx)
		if err == nil {
			err = k.apply(ctx, operations[0])
		}
		if err != nil {
			failures = append(failures, Failure{Operation: operations[0], Err: err})
		}
		operations = operations[1:]
	}
	return failures
}

// apply carries out one operation that is not one of those on IPVS that go in few messages.
func (k *Kernel) apply(ctx context.Context, operation plan.Operation) error {
	switch o := operation.(type) {
	case *plan.SetSysctl:
		return k.writeSysctl(*o)
	case *plan.StartDaemon:
		return k.table.startDaemon(ctx, o.Daemon)
	case *plan.StopDaemon:
		return k.table.stopDaemon(ctx, o.State)
	default:
		return k.applyNetwork(operation)
	}
}
