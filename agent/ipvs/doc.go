// SPDX-License-Identifier: Apache-2.0

// Package ipvs is the kernel's IPVS table (net/netfilter/ipvs) as plain comparable values, printed as ipvsadm prints them;
// it never talks to a kernel.
package ipvs
