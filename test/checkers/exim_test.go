// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// The ports of exim.
const (
	mailPort       = 25
	busyMailPort   = 2525
	closedMailPort = 2526 // an administrator has closed it to all
)

// unwelcome is a director whom exim does not let speak on.
const unwelcome = "unwelcome.example"

const eximRules = `
begin acl
connect:
 defer
  condition = ${if eq{$received_port}{2525}}
  message = mail.example: too busy, try later
 deny
  condition = ${if eq{$received_port}{2526}}
  message = no mail here
 accept
helo:
 deny
  condition = ${if eq{$sender_helo_name}{unwelcome.example}}
  message = not with that name
 accept
`

// startExim runs a mail server, which keeps all its files in the folder of the scene.
func (s *scene) startExim(ctx context.Context) error {
	spool := filepath.Join(s.dir, "exim")
	if err := os.Mkdir(spool, 0o700); err != nil {
		return err
	}
	conf := fmt.Sprintf("exim_user = root\nexim_group = root\nkeep_environment =\nprimary_hostname = mail.example\nsmtp_banner = mail.example ESMTP\n"+
		"spool_directory = %s\nlog_file_path = %[1]s/%%slog\npid_file_path = %[1]s/pid\ndaemon_smtp_ports = %d : %d : %d\n"+
		"host_lookup =\ntls_advertise_hosts =\nacl_smtp_connect = connect\nacl_smtp_helo = helo\n%s",
		spool, mailPort, busyMailPort, closedMailPort, eximRules)
	path, err := s.write("exim.conf", []byte(conf))
	if err != nil {
		return err
	}
	return s.start(ctx, closedMailPort, "exim4", "-bdf", "-C", path)
}
