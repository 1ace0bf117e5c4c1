// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"context"
	"strings"
)

const nameServerPort = 53

// startDnsmasq runs a name server that has authority over example.com, and refuses to say anything of other zones. Its address for the site
// is one of each family; the text of large.example.com does not fit into a datagram of 512 bytes.
func (s *scene) startDnsmasq(ctx context.Context) error {
	conf := "no-resolv\nno-hosts\nlocal-ttl=60\n" +
		"auth-server=ns.example.com,eth0\nauth-zone=example.com,192.0.2.0/24,2001:db8::/64\n" +
		"host-record=www.example.com,192.0.2.80,2001:db8::80\ntxt-record=example.com,v=spf1 -all\n" +
		"txt-record=large.example.com" + strings.Repeat(","+strings.Repeat("x", 250), 3) + "\n"
	path, err := s.write("dnsmasq.conf", []byte(conf))
	if err != nil {
		return err
	}
	return s.start(ctx, nameServerPort, "dnsmasq", "--keep-in-foreground", "--user=root", "--pid-file=", "--log-facility=-", "--conf-file="+path)
}
