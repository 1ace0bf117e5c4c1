// SPDX-License-Identifier: Apache-2.0

// Package plan decides which operations bring a node's kernel (IPVS, addresses, firewall marks, policy routes, settings) from
// what was read to what is wanted, and in which order; it never carries one out.
//
//	roles + VRRP state, actual node   ->  Plan    ->  Steps: before and after the services
//	services + health, read services  ->  Ledger  ->  operations on services that are due
//
// Each operation prints as the ipvsadm, ip, nft or sysctl command that it stands for. What is carried out and read back leaves
// nothing to plan.
package plan
