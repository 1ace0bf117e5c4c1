// SPDX-License-Identifier: Apache-2.0

// Package rollup makes the statuses of the users' kinds from what was compiled and from what the agents report in
// NodeState.status, after Gateway API's conditions. It never reads or writes anything, and takes the time as an argument.
package rollup
