// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	maxProxied  = 1024            // connections of one proxy; more wait in the kernel's queue
	dialTimeout = 5 * time.Second // to the target
)

// Proxy forwards TCP connections out of the test network, and can fail as the target would.
type Proxy struct {
	listen func() (net.Listener, error)
	target string

	mu       sync.Mutex
	listener net.Listener // nil while cut
	conns    map[net.Conn]struct{}
	room     chan struct{}
	running  sync.WaitGroup
}

// Proxy listens in the hub, at an address such as ManagementAddress:6443 that all hosts reach through mgmt0, and forwards
// to a target that this process reaches where it was started. The network's Close ends it.
func (n *Network) Proxy(listen, target string) (*Proxy, error) {
	p := newProxy(target, func() (listener net.Listener, err error) {
		err = n.hub.do(func() error {
			listener, err = net.Listen("tcp", listen)
			return err
		})
		return listener, err
	})
	if err := p.Restore(); err != nil {
		return nil, fmt.Errorf("forward %s to %s: %w", listen, target, err)
	}
	n.proxies = append(n.proxies, p)
	return p, nil
}

func newProxy(target string, listen func() (net.Listener, error)) *Proxy {
	return &Proxy{listen: listen, target: target, conns: map[net.Conn]struct{}{}, room: make(chan struct{}, maxProxied)}
}

// Cut closes all connections and refuses new ones, as where the target's process has ended. Cutting twice is no error.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return
	}
	_ = p.listener.Close() // what is cut has nothing left to say
	p.listener = nil
	for conn := range p.conns {
		_ = conn.Close()
	}
}

// Restore takes connections again after Cut. Restoring what was not cut is no error.
func (p *Proxy) Restore() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		return nil
	}
	listener, err := p.listen()
	if err != nil {
		return err
	}
	p.listener = listener
	p.running.Go(func() { p.accept(listener) })
	return nil
}

// Close cuts the proxy and waits until nothing of it runs.
func (p *Proxy) Close() {
	p.Cut()
	p.running.Wait()
}

// accept ends with its listener.
func (p *Proxy) accept(listener net.Listener) {
	for {
		p.room <- struct{}{}
		conn, err := listener.Accept()
		if err != nil {
			<-p.room
			return
		}
		p.running.Go(func() {
			defer func() { <-p.room }()
			p.forward(listener, conn)
		})
	}
}

// forward joins the client to the target until both directions have ended.
func (p *Proxy) forward(listener net.Listener, client net.Conn) {
	defer p.forget(client)
	if !p.remember(listener, client) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	target, err := new(net.Dialer).DialContext(ctx, "tcp", p.target)
	if err != nil {
		return // the client sees its connection close
	}
	defer p.forget(target)
	if !p.remember(listener, target) {
		return
	}
	var up sync.WaitGroup
	up.Go(func() { pass(target, client) })
	pass(client, target)
	up.Wait()
}

// pass copies until the source ends, and tells the destination so. A broken direction breaks the other.
func pass(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		err = half.CloseWrite()
	}
	if err != nil {
		_, _ = to.Close(), from.Close()
	}
}

// remember keeps conn for Cut to close, and returns false where the listener that it came from was cut already.
func (p *Proxy) remember(listener net.Listener, conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != listener {
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *Proxy) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
	_ = conn.Close()
}
