// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// takeover adds many addresses in one system call, on a socket that nobody else waits on.
type takeover struct {
	mu sync.Mutex
	// fd is of rtnetlink(7), and names of netdevice(7); 0 while they are not open. answer takes what the kernel refuses.
	fd     int
	names  int
	answer [1 << 15]byte
}

// takeoverBatch is how many requests of about 100 bytes a socket's default buffer of 208 KiB takes, and has room for as many refusals.
const takeoverBatch = 200

func (t *takeover) open() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	// A refusal need not repeat the request. Kernels before 4.12 repeat it all the same.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	t.fd = fd
	if t.names, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open a socket to look up interfaces: %w", err)
	}
	return nil
}

func (t *takeover) close() {
	for _, fd := range []int{t.fd, t.names} {
		if fd != 0 {
			_ = unix.Close(fd)
		}
	}
}

// AddAddresses adds addresses with our marks, all at once: for a director that has become Active, of which clients wait for
// the last address too. One that the interface has already is no error. It reads nothing back. With an
// error some of the addresses may be there, which the next reading tells.
func (k *Kernel) AddAddresses(adds []*plan.AddAddress) error {
	t := &k.takeover
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for batch := range slices.Chunk(adds, takeoverBatch) {
		errs = append(errs, t.add(batch))
	}
	return errors.Join(errs...)
}

// add adds as many addresses as one system call takes.
func (t *takeover) add(adds []*plan.AddAddress) error {
	indices := map[string]int{}
	var requests []byte
	for _, add := range adds {
		index, known := indices[add.Interface]
		if !known {
			var err error
			if index, err = t.index(add.Interface); err != nil {
				return fmt.Errorf("%s: look up the interface: %w", add, advise(err))
			}
			indices[add.Interface] = index
		}
		request := nl.NewNetlinkRequest(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
		for _, each := range addressAttributes(unix.RTM_NEWADDR, index, add.Interface, add.Prefix) {
			request.AddData(each)
		}
		requests = append(requests, request.Serialize()...)
	}
	if err := unix.Sendto(t.fd, requests, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("add %d addresses: %w", len(adds), advise(err))
	}
	if err := t.refusal(); err != nil {
		return fmt.Errorf("add %d addresses: %w", len(adds), advise(err))
	}
	return nil
}

// refusal is the first that the kernel answered. It carries requests out before sendto(2) returns, so what there is to read is
// there; of success it says nothing.
func (t *takeover) refusal() error {
	var first error
	for {
		n, _, err := unix.Recvfrom(t.fd, t.answer[:], unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			return first
		}
		if err != nil {
			return errors.Join(first, err)
		}
		answers, err := refusals(t.answer[:n])
		if err != nil {
			return errors.Join(first, err)
		}
		for _, errno := range answers {
			if errno != unix.EEXIST && first == nil {
				first = errno
			}
		}
	}
}

// refusals are the errors of NLMSG_ERROR messages.
func refusals(b []byte) ([]unix.Errno, error) {
	var found []unix.Errno
	for len(b) >= unix.SizeofNlMsghdr {
		length := int(nl.NativeEndian().Uint32(b))
		if length < unix.SizeofNlMsghdr || length > len(b) {
			return nil, fmt.Errorf("netlink message has length %d, with %d bytes left", length, len(b))
		}
		if kind := nl.NativeEndian().Uint16(b[4:]); kind == unix.NLMSG_ERROR && length >= unix.SizeofNlMsghdr+4 {
			if code := int32(nl.NativeEndian().Uint32(b[unix.SizeofNlMsghdr:])); code != 0 {
				found = append(found, unix.Errno(-code))
			}
		}
		b = b[min((length+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(b)):]
	}
	return found, nil
}

// index is the kernel's number of an interface (netdevice(7)). It is asked each time: an interface that was made again has another.
func (t *takeover) index(name string) (int, error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(t.names, unix.SIOCGIFINDEX, request); err != nil {
		return 0, err
	}
	return int(request.Uint32()), nil
}
