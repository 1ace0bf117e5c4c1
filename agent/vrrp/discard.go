// SPDX-License-Identifier: Apache-2.0

package vrrp

// Discard is the reason for which a received packet was thrown away. It is an error, each value its own sentinel for
// errors.Is, and an index into an array of counters.
type Discard uint8

// The reasons, each with the section that demands it. Zero is no reason.
const (
	// ErrTTL: the time to live or hop limit is not 255, so the sender is not on this link (RFC 9568 sections 5.1.1.3 and 5.1.2.3).
	ErrTTL Discard = iota + 1
	// ErrTruncated: the packet is shorter than its header says (RFC 9568 section 7.1).
	ErrTruncated
	// ErrVersion: neither 2 nor 3, or not the configured one (RFC 9568 section 7.1).
	ErrVersion
	// ErrType: not an advertisement (RFC 9568 section 5.2.2).
	ErrType
	// ErrChecksum: damaged (RFC 9568 section 5.2.8, RFC 3768 section 5.3.8).
	ErrChecksum
	// ErrVRID: another virtual router's, or the forbidden 0 (RFC 9568 section 7.1).
	ErrVRID
	// ErrCount: version 3 without addresses (RFC 9568 section 5.2.5).
	ErrCount
	// ErrIntervalZero: an interval of 0 (RFC 9568 section 7.1).
	ErrIntervalZero
	// ErrInterval: version 2 with an interval that differs from ours (RFC 3768 section 7.1).
	ErrInterval
	// ErrAuthentication: version 2 with another type or password than ours (RFC 2338 section 7.1).
	ErrAuthentication
	// ErrOwnSource: sent from our own address, so reflected by the network or sent by a host that took our address.
	ErrOwnSource
	// ErrLinkLocal: the first address over IPv6 is not link-local (RFC 9568 section 5.2.9).
	ErrLinkLocal
	// ErrPeer: from none of the unicast peers, or by multicast although there are such, or by unicast although there are none.
	ErrPeer

	// DiscardLimit is one more than the largest reason: the length of an array indexed by Discard.
	DiscardLimit
)

var discardNames = [DiscardLimit]string{
	"none", "ttl", "truncated", "version", "type", "checksum", "vrid", "count", "interval-zero", "interval",
	"authentication", "own-source", "link-local", "peer",
}

// String returns a short lower-case name, fit for a metric's label: "ttl", "checksum", "authentication".
func (d Discard) String() string {
	if d < DiscardLimit {
		return discardNames[d]
	}
	return "unknown"
}

// Error says that an advertisement was discarded, and why.
func (d Discard) Error() string { return "advertisement discarded: " + d.String() }
