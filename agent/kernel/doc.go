// SPDX-License-Identifier: Apache-2.0

// Package kernel is the only reader and writer of IPVS (generic netlink family IPVS, linux/ip_vs.h), addresses and the
// links with virtual MAC addresses (rtnetlink), and sysctls (/proc/sys); it decides nothing: it carries out what package plan
// decided.
package kernel
