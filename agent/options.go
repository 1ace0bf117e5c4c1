// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"log/slog"
	"time"

	"k8s.io/client-go/rest"
)

// Options are what an agent needs to know at its start.
type Options struct {
	// Node is the name of the Node on which the agent runs; its NodeState has the same name.
	Node string
	// Namespace is the operator's: where the Secrets with VRRP passwords are.
	Namespace string
	// StateDir is the folder of the checkpoint. It is made with mode 0700 if it is absent.
	StateDir string
	// ProcSys is where the agent can write the kernel's sysctls: /proc/sys, or a container's writable mount of it.
	ProcSys string
	// API is how to reach the API server. An API server that does not answer is no error: the agent serves from its
	// checkpoint and goes on asking.
	API *rest.Config
	// MetricsAddress is the host:port of /metrics, /realservers and /healthz; empty: none.
	MetricsAddress string
	// RealServerMetrics says whether each real server has metrics of its own: three series each, about 2 KB of memory for the time of a
	// scrape.
	RealServerMetrics bool
	// Resync is the time between two audits, each of which reads addresses, marks, settings and about 1,000 IPVS services back: in
	// a table of that size the longest time for which a change of ours by somebody else stands. Default 5 s.
	Resync time.Duration
	// Log gets what an operator wants to know later. Required.
	Log *slog.Logger
}

const (
	defaultResync = 5 * time.Second
	// warmBound is how long VRRP waits for the first checks of all real servers before it may win. A check that takes
	// longer than that is not worth a director without an Active.
	warmBound = 10 * time.Second
	// incompleteBound is how long the API server may answer without the view becoming complete before that is logged.
	incompleteBound = 30 * time.Second
	// lastWordBound is how long a stopping agent waits for the API server to take its last report.
	lastWordBound = 3 * time.Second
	// handOverBound is how long a stopping agent waits for another director to take its addresses over.
	handOverBound = 5 * time.Second
)
