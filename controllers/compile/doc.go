// SPDX-License-Identifier: Apache-2.0

// Package compile turns what users wrote into what directors and real servers do: a [Snapshot] of objects in, slices and
// parts of NodeStates out. It decides who wins a conflict and in which slice a service stands; it never reads or writes
// anything, so that it also serves plain YAML files where no API server runs.
//
// The same objects give the same [Result], in whatever order they come. What stands in a slice stays there.
package compile
