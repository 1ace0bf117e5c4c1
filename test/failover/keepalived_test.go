// SPDX-License-Identifier: Apache-2.0

//go:build bench

package failover

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keepalived is Debian's, with VRRP version 3 and the same table as ours: no checks on either side.
func keepalived() *contestant {
	return &contestant{name: "keepalived", command: func(t *testing.T, dir string, routers []router) []string {
		var conf strings.Builder
		conf.WriteString("global_defs {\n  router_id bench\n  vrrp_version 3\n}\n")
		for _, r := range routers {
			fmt.Fprintf(&conf, "vrrp_instance VI_%d {\n  state BACKUP\n  interface eth0\n  virtual_router_id %d\n  priority %d\n  advert_int %g\n  virtual_ipaddress {\n    %s/32\n  }\n}\n",
				r.vrid, r.vrid, r.priority, r.interval.Seconds(), r.vip)
			if r.vip == vip {
				fmt.Fprintf(&conf, "virtual_server %s %d {\n  lb_algo wrr\n  lb_kind DR\n  protocol TCP\n  real_server %s %d {\n    weight 1\n  }\n}\n", vip, port, realServer, port)
			}
		}
		path := filepath.Join(dir, "keepalived.conf")
		check(t, os.WriteFile(path, []byte(conf.String()), 0o600))
		return []string{"keepalived", "-n", "-l", "-f", path,
			"-p", filepath.Join(dir, "pid"), "-r", filepath.Join(dir, "vrrp.pid"), "-c", filepath.Join(dir, "checkers.pid")}
	}}
}
