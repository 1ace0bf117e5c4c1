// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// ftpModule is the kernel's application helper of FTP.
const ftpModule = "ip_vs_ftp"

// The helper is all it needs: net.ipv4.vs.conntrack stays 0, its default, and the kernel tracks these connections regardless.
func TestFTPThroughMasqueradingNeedsItsHelper(t *testing.T) {
	content := serveFTP(t)
	hideFromClients(t, address4(1))

	t.Run("without the module no data connection comes about", func(t *testing.T) {
		unloadFTP(t)
		s := ftpService(t)
		for _, mode := range []string{"passive", "active"} {
			if got, err := download(t, s, "2", transfers()[mode]); err == nil {
				t.Errorf("%s: got %q, want no transfer", mode, got)
			}
		}
	})
	t.Run("with the module every mode transfers", func(t *testing.T) {
		if err := loadModule(t.Context(), ftpModule); err != nil {
			t.Fatal(err)
		}
		s := ftpService(t)
		for mode, options := range transfers() {
			if got, err := download(t, s, "10", options); err != nil || got != content {
				t.Errorf("%s: got %q, want %q; %v", mode, got, content, err)
			}
		}
	})
}

// transfers are curl's options for each way to a data connection.
func transfers() map[string][]string {
	from := natClients[ipvs.IPv4].String()
	return map[string][]string{
		"passive":          {"--disable-epsv"},
		"extended passive": {},
		"active":           {"--ftp-port", from, "--disable-eprt"},
		"extended active":  {"--ftp-port", from},
	}
}

func ftpService(t *testing.T) service {
	t.Helper()
	key := ipvs.ServiceKey{Address: virtualIP(t), Port: 21, Protocol: ipvs.TCP}
	return add(t, ipvs.Service{Key: key, Scheduler: "rr"}, ipvs.Destination{Address: address4(1), Port: 21, Method: ipvs.Masquerade, Weight: 1})
}

// download fetches the server's file through a service, in at most so many seconds.
func download(t *testing.T, s service, seconds string, options []string) (string, error) {
	t.Helper()
	args := append([]string{"curl", "--silent", "--show-error", "--max-time", seconds, "--interface", natClients[ipvs.IPv4].String()}, options...)
	output, err := stage.client.Command(t.Context(), append(args, "ftp://"+s.key.Address.String()+"/file")...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Logf("curl: %s", strings.TrimSpace(string(exit.Stderr)))
	}
	return string(output), err
}

// hideFromClients takes away the clients' way to a real server for the length of a test, as where it has a private address:
// a data connection that comes from it, and not from the virtual IP, is lost.
func hideFromClients(t *testing.T, address netip.Addr) {
	t.Helper()
	t.Cleanup(func() {
		if err := batch(context.WithoutCancel(t.Context()), stage.client, "route del blackhole "+address.String()+"\n"); err != nil {
			t.Error(err)
		}
	})
	if err := batch(t.Context(), stage.client, "route add blackhole "+address.String()+"\n"); err != nil {
		t.Fatal(err)
	}
}

// serveFTP runs vsftpd on rs1 for the length of a test, with one file, and returns the file's content.
func serveFTP(t *testing.T) (content string) {
	t.Helper()
	content = "a file on rs1\n"
	dir := t.TempDir()
	files, jail, settings := filepath.Join(dir, "files"), filepath.Join(dir, "jail"), filepath.Join(dir, "vsftpd.conf")
	err := errors.Join(
		os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), os.Mkdir(files, 0o755), os.Mkdir(jail, 0o555),
		os.WriteFile(filepath.Join(files, "file"), []byte(content), 0o644),
		os.WriteFile(settings, []byte(strings.Join([]string{
			"listen=YES", "background=NO", "anonymous_enable=YES", "no_anon_password=YES", "connect_from_port_20=YES",
			"anon_root=" + files, "secure_chroot_dir=" + jail, "seccomp_sandbox=NO", "isolate=NO", "isolate_network=NO", "",
		}, "\n")), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	server := stage.realServers[1].Command(t.Context(), "vsftpd", settings)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Wait() })
	eventually(t, "vsftpd listens", func() bool {
		return !refused(t, natClients[ipvs.IPv4], netip.AddrPortFrom(address4(1), 21))
	})
	return content
}

// unloadFTP takes the helper out of the kernel for the length of a test, or skips the test where that cannot be.
func unloadFTP(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if err := loadModule(context.WithoutCancel(t.Context()), ftpModule); err != nil {
			t.Error(err)
		}
	})
	if err := unloadModule(ftpModule); err != nil {
		t.Skip(err)
	}
}
