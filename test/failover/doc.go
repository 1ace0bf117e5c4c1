// SPDX-License-Identifier: Apache-2.0

// Package failover measures how long a client is without an answer when a director dies or is stopped, ours beside keepalived: the
// benchmark of `make bench-failover`, which docs/benchmarks.md explains.
package failover
