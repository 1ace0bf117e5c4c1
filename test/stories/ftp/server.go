// SPDX-License-Identifier: Apache-2.0

package ftp

import (
	"context"
	"fmt"
	"os"
)

// configuration is vsftpd.conf(5): anonymous users, one folder, no files of the machine's own. %[1]s is the server's folder.
const configuration = `listen=YES
background=NO
anonymous_enable=YES
local_enable=NO
anon_root=%[1]s/files
secure_chroot_dir=%[1]s/empty
seccomp_sandbox=NO
`

// startServer starts vsftpd on a host. Its one file, name, holds the host's name.
func (s *scene) startServer(ctx context.Context, host string) error {
	dir := s.File(host)
	for _, folder := range []string{dir, dir + "/files", dir + "/empty"} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			return fmt.Errorf("make the files of %s: %w", host, err)
		}
	}
	// The server reads its files as another user.
	if err := os.Chmod(s.File("."), 0o711); err != nil {
		return err
	}
	if err := os.WriteFile(dir+"/files/name", []byte(host+"\n"), 0o644); err != nil {
		return err
	}
	file := dir + "/vsftpd.conf"
	if err := os.WriteFile(file, fmt.Appendf(nil, configuration, dir), 0o600); err != nil {
		return err
	}
	_, err := s.Start(ctx, host, "vsftpd", file)
	return err
}
