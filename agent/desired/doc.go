// SPDX-License-Identifier: Apache-2.0

// Package desired turns what the API server holds for one node (its NodeState, ServiceSlices and RealServerSlices) into plain
// comparable values: the virtual routers, IPVS services, checks and addresses that the node has to have. It never asks the
// API server and never looks at the node.
package desired
