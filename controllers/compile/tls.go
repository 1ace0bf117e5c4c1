// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"strings"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// compileHTTPS names the virtual host as the server where the pool names none.
func compileHTTPS(client *v1alpha1.TLSClient, host string) *v1alpha1.TLSClient {
	if client == nil || client.ServerName != "" {
		return client
	}
	compiled := *client
	compiled.ServerName = nameOf(host)
	return &compiled
}

// mostServerName is how many characters a serverName may have.
const mostServerName = 253

// nameOf is the name or the address of a virtual host: shop.example, shop.example:8443, 192.0.2.10:8443, 2001:db8::10 or
// [2001:db8::10]:8443. It is empty for one that could not be a server's name.
func nameOf(host string) string {
	name := host
	if inside, found := strings.CutPrefix(host, "["); found {
		name, _, _ = strings.Cut(inside, "]")
	} else if strings.Count(host, ":") == 1 {
		name, _, _ = strings.Cut(host, ":")
	}
	if len(name) > mostServerName || strings.ContainsAny(name, "[]") {
		return ""
	}
	return name
}
