// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// lowestPort is the first port that pickPorts tries.
const lowestPort = 10240

// ports are loopback TCP ports that were free when picked.
type ports struct {
	etcd, apiServer int
}

// pickPorts stays below the kernel's ephemeral range (net.ipv4.ip_local_port_range). A client that dials a stopped
// server's port in that range can be given the very port as its own, connect to itself (RFC 9293 section 3.5,
// simultaneous open), and so keep the server from coming back.
func pickPorts() (ports, error) {
	limit := ephemeralStart()
	if limit <= lowestPort {
		return ports{}, fmt.Errorf("net.ipv4.ip_local_port_range starts at %d; it must leave ports from %d for servers", limit, lowestPort)
	}
	etcd, err := listenBelow(limit)
	if err != nil {
		return ports{}, fmt.Errorf("pick a port for etcd: %w", err)
	}
	apiServer, err := listenBelow(limit)
	if err != nil {
		return ports{}, errors.Join(fmt.Errorf("pick a port for kube-apiserver: %w", err), etcd.Close())
	}
	// Both are open until both are picked, so they differ.
	picked := ports{etcd: portOf(etcd), apiServer: portOf(apiServer)}
	return picked, errors.Join(etcd.Close(), apiServer.Close())
}

// listenBelow opens a random free loopback port from lowestPort up to limit, exclusive.
func listenBelow(limit int) (net.Listener, error) {
	const attempts = 64
	var last error
	for range attempts {
		port := lowestPort + rand.IntN(limit-lowestPort)
		l, err := net.Listen("tcp4", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err == nil {
			return l, nil
		}
		last = err
	}
	return nil, fmt.Errorf("none of %d tried below %d is free: %w", attempts, limit, last)
}

func portOf(l net.Listener) int {
	return l.Addr().(*net.TCPAddr).Port
}

// ephemeralStart is the first port that the kernel gives to clients, or its default where that cannot be read.
func ephemeralStart() int {
	const kernelDefault = 32768
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return kernelDefault
	}
	var first, last int
	if _, err := fmt.Sscan(string(data), &first, &last); err != nil {
		return kernelDefault
	}
	return first
}
