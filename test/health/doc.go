// SPDX-License-Identifier: Apache-2.0

// Package health compares the health checks of a whole director, ours and keepalived's, on one kernel (build tag bench): what they cost,
// and how soon a dead real server is out of the table. docs/benchmarks.md explains its figures.
package health
