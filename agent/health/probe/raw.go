// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of this file never block, so Go's scheduler is not told of them (RawSyscall): each one that it is told of may wake the runtime's
// monitor thread.

// epollWait takes the events that there are.
func epollWait(epoll int, events []unix.EpollEvent) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0) //nolint:gosec // the kernel writes into events, which outlive the call
	if errno != 0 {
		return 0
	}
	return int(n)
}

// pollNow says what there is of what is asked, and waits for nothing.
func pollNow(asked []unix.PollFd) {
	var noWait unix.Timespec
	_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(asked))), uintptr(len(asked)), uintptr(unsafe.Pointer(&noWait)), 0, 0, 0) //nolint:gosec // the kernel writes into asked, which outlives the call; where it fails, nothing is there yet
}

func epollControl(epoll, operation, fd int, event *unix.EpollEvent) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epoll), uintptr(operation), uintptr(fd), uintptr(unsafe.Pointer(event)), 0, 0) //nolint:gosec // the kernel reads the event during the call
	return asError(errno)
}

// connect begins to connect a non-blocking socket.
func connect(fd int, address unsafe.Pointer, length uintptr) error {
	_, _, errno := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(address), length)
	return asError(errno)
}

func closeSocket(fd int) {
	_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) // the verdict is there: nothing that closing could say changes it
}

// read reads from a non-blocking socket.
func read(fd int, into []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(into))), uintptr(len(into))) //nolint:gosec // the kernel writes into what outlives the call
	return int(n), asError(errno)
}

// write writes to a non-blocking socket; SIGPIPE is none of it, as Go's runtime ignores it for sockets.
func write(fd int, from []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(from))), uintptr(len(from))) //nolint:gosec // the kernel reads from what outlives the call
	return int(n), asError(errno)
}

// sendTo sends a datagram, which may be empty, from a non-blocking socket; to is nil where it is connected.
func sendTo(fd int, datagram []byte, to unsafe.Pointer, length uintptr) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(datagram))), uintptr(len(datagram)), 0, uintptr(to), length) //nolint:gosec // the kernel reads from what outlives the call
	return asError(errno)
}

// receiveFrom reads a datagram from a non-blocking socket. From is filled as far as the socket's family goes.
func receiveFrom(fd int, into []byte, from *unix.RawSockaddrInet6) (int, error) {
	length := uint32(unsafe.Sizeof(*from))
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(into))), uintptr(len(into)), 0, uintptr(unsafe.Pointer(from)), uintptr(unsafe.Pointer(&length))) //nolint:gosec // the kernel writes into what outlives the call
	return int(n), asError(errno)
}

func asError(errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
