// SPDX-License-Identifier: Apache-2.0

// Package plan decides which operations bring a node's kernel (IPVS, addresses, sysctls) from what was read to what is
// wanted, and in which order; it never carries one out.
//
//	desired + health + VRRP state   actual
//	              \                 /
//	               In  ->  Plan  ->  []Operation, each printing as the ipvsadm, ip or sysctl command it stands for
//
// The same In gives the same operations, whatever the order of its lists; applied and read back, they leave nothing to plan.
package plan
