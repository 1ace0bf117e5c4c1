// SPDX-License-Identifier: Apache-2.0

//go:build bench

package failover

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/lvs-operator/lvs-operator/test/network"
)

// advertisements are what a host hears of VRRP.
type advertisements struct {
	t    *testing.T
	from chan netip.Addr
	// last is when each host was heard last.
	mu   sync.Mutex
	last map[netip.Addr]time.Time
}

// patience bounds every wait.
const patience = 30 * time.Second

// listen hears what the client hears.
func (w *world) listen() *advertisements {
	w.t.Helper()
	a := &advertisements{t: w.t, from: make(chan netip.Addr), last: map[netip.Addr]time.Time{}}
	check(w.t, w.client.Do(func() error {
		conn, err := net.ListenPacket("ip4:112", "0.0.0.0")
		if err != nil {
			return err
		}
		w.ends = append(w.ends, func() { _ = conn.Close() })
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		go a.read(conn)
		return ipv4.NewPacketConn(conn).JoinGroup(eth0, &net.IPAddr{IP: net.IPv4(224, 0, 0, 18)})
	}))
	return a
}

// read hands each packet's source to whoever waits for one now.
func (a *advertisements) read(conn net.PacketConn) {
	buffer := make([]byte, 2048)
	for {
		_, source, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if ip, ok := source.(*net.IPAddr); ok {
			address, _ := netip.AddrFromSlice(ip.IP.To4())
			a.mu.Lock()
			a.last[address] = time.Now()
			a.mu.Unlock()
			select {
			case a.from <- address:
			default:
			}
		}
	}
}

// since says whether a host was heard after a moment.
func (a *advertisements) since(host *network.Host, moment time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last[host.Address()].After(moment)
}

// next waits for the next advertisement of a host.
func (a *advertisements) next(host *network.Host) {
	a.t.Helper()
	late := time.After(patience)
	for {
		select {
		case source := <-a.from:
			if source == host.Address() {
				return
			}
		case <-late:
			a.t.Fatalf("%s sends no advertisement", host.Name())
		}
	}
}

// alone waits until a host alone has advertised for a time.
func (a *advertisements) alone(host *network.Host, lasting time.Duration) {
	a.t.Helper()
	if !a.settles(host, lasting) {
		a.t.Fatalf("%s is not the only one that advertises", host.Name())
	}
}

// settles waits until a host alone has advertised for a time, and says whether that came.
func (a *advertisements) settles(host *network.Host, lasting time.Duration) bool {
	late, since := time.After(patience), time.Time{}
	for {
		select {
		case source := <-a.from:
			switch {
			case source != host.Address():
				since = time.Time{}
			case since.IsZero():
				since = time.Now()
			case time.Since(since) >= lasting:
				return true
			}
		case <-late:
			return false
		}
	}
}
