// SPDX-License-Identifier: Apache-2.0

// Command agent runs on every node that is a director or a real server: it programs IPVS, runs VRRP, checks real servers and
// reports. It needs the capabilities CAP_NET_ADMIN and CAP_NET_RAW in the node's network namespace.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/lvs-operator/lvs-operator/agent"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
)

// version is set by the linker.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	klog.SetLogger(logr.FromSlogHandler(log.Handler()))
	if err := run(ctx, log, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Error("the agent ends", "error", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func run(ctx context.Context, log *slog.Logger, args []string) error {
	o := agent.Options{Log: log}
	var kubeconfig string
	flags := flag.NewFlagSet("agent", flag.ContinueOnError)
	flags.StringVar(&kubeconfig, "kubeconfig", "", "`path` of a kubeconfig; default: the Pod's service account")
	flags.StringVar(&o.Node, "node-name", os.Getenv("NODE_NAME"), "`name` of the Node that this agent serves; default: $NODE_NAME")
	flags.StringVar(&o.Namespace, "namespace", os.Getenv("POD_NAMESPACE"), "the operator's `namespace`, where VRRP passwords are; default: $POD_NAMESPACE")
	flags.StringVar(&o.StateDir, "state-dir", "/var/lib/lvs-operator", "`folder` for what the agent needs at a start without an API server")
	flags.StringVar(&o.ProcSys, "proc-sys", kernel.ProcSys, "`folder` where the kernel's sysctls can be written")
	flags.StringVar(&o.MetricsAddress, "metrics-bind-address", "127.0.0.1:9660", "`host:port` of /metrics, /realservers and /healthz; empty: none")
	flags.BoolVar(&o.RealServerMetrics, "real-server-metrics", true, "three metrics for each real server; turn them off where hundreds of thousands of series are too many")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.Node == "":
		return errors.New("the node's name is missing: set --node-name or $NODE_NAME")
	case o.Namespace == "":
		return errors.New("the operator's namespace is missing: set --namespace or $POD_NAMESPACE")
	}
	api, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("find the API server: %w", err)
	}
	api.UserAgent = "lvs-operator-agent/" + version
	o.API = api
	log.Info("agent starts", "version", version, "node", o.Node, "stateDir", o.StateDir)
	return agent.Run(ctx, o)
}
