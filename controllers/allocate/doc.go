// SPDX-License-Identifier: Apache-2.0

// Package allocate gives out what must be given once and then stay: virtual router ids (RFC 9568 section 5.2.3) to director groups,
// virtual IPs to virtual routers, and to directors the places from which their VRRP priorities follow. Every function is told what
// was given before and moves as little of it as can be; none reads or writes anything.
package allocate
