// SPDX-License-Identifier: Apache-2.0

package checkpoint

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// director is a checkpoint with a value of every kind.
func director() Checkpoint {
	vip := netip.MustParseAddr("192.0.2.10")
	realServer := netip.MustParseAddrPort("192.0.2.111:8080")
	return Checkpoint{
		State: desired.State{
			RealServerAddresses: []netip.Addr{vip},
			Groups: []desired.Group{{
				Name:  "edge",
				Pools: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
				Routers: []desired.Router{{Interface: "eth0", Secret: "edge-vrrp", Config: vrrp.Config{
					Version: vrrp.Version2, VRID: 66, Priority: 100, Interval: time.Second, Preempt: true,
					Addresses: []netip.Addr{vip}, Password: vrrp.NewPassword("s3cret"),
				}}},
				Services: []desired.Service{{
					ID: "web/tomcat/http",
					Service: ipvs.Service{
						Key:       ipvs.ServiceKey{Address: vip, Port: 8080, Protocol: ipvs.TCP},
						Scheduler: "wrr", PersistenceTimeout: 300,
					},
					RealServers: []desired.RealServer{{
						Destination: ipvs.Destination{Address: realServer.Addr(), Port: 8080, Weight: 3, Method: ipvs.DirectRoute},
						Checked:     true,
						Check: health.Target{Address: realServer, Spec: health.Spec{
							Kind: health.TCP, Interval: 6 * time.Second, Timeout: 10 * time.Second, RetryDelay: 3 * time.Second, Retries: 3,
						}},
					}},
				}},
				Applied: map[string]int64{"edge-services": 3},
			}},
		},
		Passwords: desired.Passwords{"edge-vrrp": "s3cret"},
		Found:     map[string]string{"net.ipv4.conf.all.arp_ignore": "0"},
		Owned:     []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24")},
	}
}

func open(t *testing.T, directory string) *Store {
	t.Helper()
	store, err := Open(directory)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func save(t *testing.T, store *Store, c Checkpoint) {
	t.Helper()
	if err := store.Save(c); err != nil {
		t.Fatal(err)
	}
}

func TestAgentFindsAfterARestartWhatItSaved(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "agent")
	save(t, open(t, directory), director())
	loaded, err := open(t, directory).Load()
	if err != nil {
		t.Fatal(err)
	}
	if !loaded.Equal(director()) {
		t.Errorf("loaded %+v, want %+v", loaded, director())
	}
}

func TestNewAgentHasNoCheckpoint(t *testing.T) {
	if _, err := open(t, t.TempDir()).Load(); !errors.Is(err, ErrAbsent) {
		t.Errorf("error %v, want ErrAbsent", err)
	}
}

func TestOnlyTheAgentReadsThePasswords(t *testing.T) {
	directory := t.TempDir()
	if err := os.Chmod(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	c := director()
	c.Passwords["unused"] = "an0ther"
	save(t, open(t, directory), c)
	path := filepath.Join(directory, fileName)
	for path, want := range map[string]os.FileMode{directory: 0o700, path: 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "an0ther") {
		t.Error("a password that no router uses was kept")
	}
}

func TestWhatIsUnchangedIsNotWritten(t *testing.T) {
	directory := t.TempDir()
	store := open(t, directory)
	save(t, store, director())
	path := filepath.Join(directory, fileName)
	gone := func() bool {
		_, err := os.Stat(path)
		return errors.Is(err, os.ErrNotExist)
	}
	remove := func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	remove()
	save(t, store, director())
	if !gone() {
		t.Error("the same checkpoint was written again")
	}
	changes := map[string]func(*Checkpoint){
		"state":    func(c *Checkpoint) { c.State.Groups[0].Services[0].RealServers[0].Destination.Weight = 1 },
		"applied":  func(c *Checkpoint) { c.State.Groups[0].Applied["edge-services"] = 4 },
		"password": func(c *Checkpoint) { c.Passwords["edge-vrrp"] = "changed" },
		"found":    func(c *Checkpoint) { c.Found["net.ipv4.ip_forward"] = "0" },
		"owned":    func(c *Checkpoint) { c.Owned = c.Owned[:1] },
	}
	for name, change := range changes {
		c := director()
		change(&c)
		save(t, store, c)
		if gone() {
			t.Fatalf("a change of %s was not written", name)
		}
		remove()
	}

	// What was loaded need not be written either.
	save(t, store, director())
	loading := open(t, directory)
	if _, err := loading.Load(); err != nil {
		t.Fatal(err)
	}
	remove()
	save(t, loading, director())
	if !gone() {
		t.Error("the loaded checkpoint was written again")
	}
}

func TestCorruptCheckpointIsMovedAside(t *testing.T) {
	good, err := encode(director())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty":            "",
		"cut off":          string(good[:len(good)/2]),
		"not JSON":         "\x00\x01",
		"newer version":    strings.Replace(string(good), `"version":1`, `"version":2`, 1),
		"bad address":      strings.Replace(string(good), "192.0.2.111", "192.0.2.311", 1),
		"bad protocol":     strings.Replace(string(good), `"TCP"`, `"ICMP"`, 1),
		"password missing": strings.Replace(string(good), `"passwords":{"edge-vrrp"`, `"passwords":{"other"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if text == string(good) {
				t.Fatal("nothing was broken")
			}
			directory := t.TempDir()
			path := filepath.Join(directory, fileName)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			store := open(t, directory)
			_, err := store.Load()
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("error %v, want ErrCorrupt", err)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows the password: %v", err)
			}
			aside, err := os.ReadFile(path + ".corrupt")
			if err != nil || string(aside) != text {
				t.Errorf("moved aside: %q, %v", aside, err)
			}
			if _, err := store.Load(); !errors.Is(err, ErrAbsent) {
				t.Errorf("second load: %v, want ErrAbsent", err)
			}
			save(t, store, director())
			if loaded, err := store.Load(); err != nil || !loaded.Equal(director()) {
				t.Errorf("after a new save: %v", err)
			}
		})
	}
}

func TestLeftoverOfACrashedWriteIsHarmless(t *testing.T) {
	directory := t.TempDir()
	store := open(t, directory)
	save(t, store, director())
	if err := os.WriteFile(filepath.Join(directory, fileName+".new"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if loaded, err := open(t, directory).Load(); err != nil || !loaded.Equal(director()) {
		t.Errorf("load next to a leftover: %v", err)
	}
	changed := director()
	changed.Owned = nil
	save(t, store, changed)
	if loaded, err := open(t, directory).Load(); err != nil || !loaded.Equal(changed) {
		t.Errorf("save over a leftover: %v", err)
	}
}

func TestFailedWriteKeepsTheOldCheckpointAndIsTriedAgain(t *testing.T) {
	directory := t.TempDir()
	store := open(t, directory)
	save(t, store, director())
	// A directory with something in it where the new file has to be: it cannot be removed.
	obstacle := filepath.Join(directory, fileName+".new")
	if err := os.MkdirAll(filepath.Join(obstacle, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	changed := director()
	changed.Found = nil
	if err := store.Save(changed); err == nil || !strings.Contains(err.Error(), "write checkpoint "+directory) {
		t.Fatalf("error %v", err)
	}
	if loaded, err := open(t, directory).Load(); err != nil || !loaded.Equal(director()) {
		t.Errorf("the old checkpoint: %v", err)
	}
	if err := os.RemoveAll(obstacle); err != nil {
		t.Fatal(err)
	}
	save(t, store, changed)
	if loaded, err := open(t, directory).Load(); err != nil || !loaded.Equal(changed) {
		t.Errorf("the new checkpoint: %v", err)
	}
}
