// SPDX-License-Identifier: Apache-2.0

// Package serving decides what follows from the health of a service's real servers: which of them get connections and with what weight,
// and whether the quorum is there; it never checks a real server, reads a clock or touches a kernel.
package serving
