// SPDX-License-Identifier: Apache-2.0

package checkpoint

import (
	"errors"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint/journal"
	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

var vip = netip.MustParseAddr("192.0.2.10")

// tomcat is a service with a value of every kind.
func tomcat() *desired.Service {
	return &desired.Service{
		ID: "web/tomcat/http", Group: "edge",
		Service: ipvs.Service{
			Key: ipvs.ServiceKey{Address: vip, Port: 8080, Protocol: ipvs.TCP}, Scheduler: "sh", Flags: ipvs.Fallback | ipvs.HashPort,
			PersistenceTimeout: 300, PersistencePrefix: 24, PersistenceEngine: "sip",
		},
		Destinations: []ipvs.Destination{{
			Address: netip.MustParseAddr("2001:db8::111"), Port: 8080, Weight: 3, Method: ipvs.Tunnelling, UpperThreshold: 10, LowerThreshold: 5,
			Tunnel: ipvs.Tunnel{Type: ipvs.GUE, Port: 6080, Flags: ipvs.TunnelRemoteChecksum},
		}},
		Check: &desired.Check{Port: 80, Spec: health.Spec{
			Check: check.TCP{}, Interval: 6 * time.Second, Timeout: 10 * time.Second, RetryDelay: 3 * time.Second, Retries: 3,
			Rise: 2, FlapDamping: health.FlapDamping{Falls: 5, Window: 10 * time.Minute, HoldDown: time.Minute},
		}},
		Drain: 5 * time.Minute,
	}
}

// caches is a service by firewall mark.
func caches() *desired.Service {
	return &desired.Service{
		ID: "web/caches/mark", Group: "edge", Service: ipvs.Service{Key: ipvs.MarkKey(7, ipvs.IPv4), Scheduler: "lblc"},
		Marks: []mark.Rule{{Mark: 7, Family: ipvs.IPv4, Destinations: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")},
			Protocol: ipvs.TCP, Ports: []mark.PortRange{{First: 80, Last: 90}}, Interface: "eth1"}},
	}
}

func node() *Node {
	return &Node{
		Node: desired.Node{
			RealServerAddresses: []netip.Addr{vip},
			Groups: []desired.Group{{
				Name:     "edge",
				Owned:    ipvs.Ownership{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Marks: []ipvs.MarkRange{{First: 1, Last: 9}}},
				Settings: []plan.Setting{{Name: "net.ipv4.vs.conn_reuse_mode", Value: "3"}},
				Daemons:  []ipvs.Daemon{{State: ipvs.Master, Interface: "eth0", ID: 66, Group: netip.MustParseAddr("ff02::81")}},
				Routers: []desired.Router{{Interface: "eth0", Secret: "edge-vrrp", Unadvertised: []netip.Addr{netip.MustParseAddr("2001:db8::10")}, Config: vrrp.Config{
					Version: vrrp.Version2, VRID: 66, Priority: 100, Interval: time.Second, Preempt: true,
					Addresses: []netip.Addr{vip}, Password: vrrp.NewPassword("s3cret"),
				}}},
			}},
		},
		Found: map[string]string{"net.ipv4.conf.all.arp_ignore": "0"},
		// Without a group's address: the kernel's choice.
		Started: []ipvs.Daemon{{State: ipvs.Backup, Interface: "eth0", ID: 66}},
		Owned:   ipvs.Ownership{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24")}},
	}
}

func drains() Drains {
	until := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	return Drains{tomcat().Service.Key: {netip.MustParseAddrPort("192.0.2.115:8080"): until}}
}

func all() Change {
	return Change{Node: node(), Drains: drains(), Services: map[ipvs.ServiceKey]*desired.Service{
		tomcat().Service.Key: tomcat(), caches().Service.Key: caches(),
	}}
}

// saved is a directory with a checkpoint of everything.
func saved(t *testing.T) string {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "agent")
	store, _, err := Open(directory)
	if !errors.Is(err, ErrAbsent) {
		t.Fatalf("a new agent has a checkpoint: %v", err)
	}
	save(t, store, all())
	return directory
}

func save(t *testing.T, store *Store, change Change) {
	t.Helper()
	if err := store.Save(change); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, directory string) (*Store, Checkpoint) {
	t.Helper()
	store, c, err := Open(directory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store, c
}

func TestAgentFindsAfterARestartWhatItSaved(t *testing.T) {
	_, c := load(t, saved(t))
	if !c.Node.Equal(*node()) {
		t.Errorf("node %+v\nwant %+v", c.Node, *node())
	}
	// By key: a service by mark comes first.
	if len(c.Services) != 2 || !slices.ContainsFunc(c.Services, tomcat().Equal) || !slices.ContainsFunc(c.Services, caches().Equal) {
		t.Errorf("services %+v", c.Services)
	}
	if !maps.EqualFunc(c.Drains, drains(), maps.Equal) {
		t.Errorf("drains %v, want %v", c.Drains, drains())
	}
}

func TestWhatIsNoMoreIsForgotten(t *testing.T) {
	directory := saved(t)
	store, _ := load(t, directory)
	save(t, store, Change{
		Services: map[ipvs.ServiceKey]*desired.Service{tomcat().Service.Key: nil}, Drains: Drains{tomcat().Service.Key: nil},
	})
	_, c := load(t, directory)
	if len(c.Services) != 1 || len(c.Drains) != 0 || !c.Node.Equal(*node()) {
		t.Errorf("%+v", c)
	}
}

func TestOnlyTheAgentReadsThePasswords(t *testing.T) {
	directory := saved(t)
	for path, want := range map[string]os.FileMode{directory: 0o700, filepath.Join(directory, fileName): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
}

func TestWhatIsUnchangedIsNotWritten(t *testing.T) {
	directory := saved(t)
	path := filepath.Join(directory, fileName)
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	store, _ := load(t, directory)
	before := size()
	if err := store.Save(Change{Node: node()}); err != nil || size() != before {
		t.Errorf("%v; the same node was written again: %d bytes, then %d", err, before, size())
	}
	changed := node()
	changed.Found["net.ipv4.ip_forward"] = "0"
	if err := store.Save(Change{Node: changed}); err != nil || size() == before {
		t.Errorf("%v; a change of what was found was not written", err)
	}
}

func TestWhatACrashOfTheMachineInterruptedIsLeftOutAndSaid(t *testing.T) {
	directory := saved(t)
	path := filepath.Join(directory, fileName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const interrupted = "\x00\x00\x00"
	if err := os.WriteFile(path, append(whole, interrupted...), 0o600); err != nil {
		t.Fatal(err)
	}
	store, c := load(t, directory)
	if store.Lost() != int64(len(interrupted)) || c.Node.Found == nil {
		t.Errorf("%d bytes are lost, want %d; found: %v", store.Lost(), len(interrupted), c.Node.Found)
	}
}

func TestRecordThatCannotBeUnderstoodMovesTheCheckpointAside(t *testing.T) {
	good, err := encodeNode(*node())
	if err != nil {
		t.Fatal(err)
	}
	for name, record := range map[string]struct{ key, value string }{
		"unknown":          {"something", "{}"},
		"not JSON":         {nodeKey, "\x00"},
		"password missing": {nodeKey, strings.Replace(string(good), `"passwords":{"edge-vrrp"`, `"passwords":{"other"`, 1)},
		"bad protocol":     {servicePrefix + "x", `{"service":{"key":{"protocol":"ICMP"}}}`},
		"bad drain":        {drainPrefix + "x", "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			j, err := journal.Open(directory, fileName)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(j.Put(record.key, []byte(record.value)), j.Commit(true), j.Close()); err != nil {
				t.Fatal(err)
			}
			store, _, err := Open(directory)
			if !errors.Is(err, ErrCorrupt) || strings.Contains(err.Error(), "s3cret") {
				t.Fatalf("error %v, want ErrCorrupt without the password", err)
			}
			if _, err := os.Stat(filepath.Join(directory, fileName+".corrupt")); err != nil {
				t.Error(err)
			}
			save(t, store, all())
			if _, c := load(t, directory); len(c.Services) != 2 {
				t.Errorf("the new checkpoint holds %+v", c)
			}
		})
	}
}
