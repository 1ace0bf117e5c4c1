// SPDX-License-Identifier: Apache-2.0

// Command manager runs the operator's controllers. It needs an API server and the rights of config/rbac's manager-role; it
// reads no Secret and touches no kernel.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/lvs-operator/lvs-operator/controllers"
)

// defaultNamespace is the namespace of config/default.
const defaultNamespace = "lvs-operator-system"

func main() {
	options := readFlags()
	options.Log = logr.FromSlogHandler(orderlyStop{slog.NewJSONHandler(os.Stderr, nil)})
	ctrl.SetLogger(options.Log)
	klog.SetLogger(options.Log)
	if err := run(ctrl.SetupSignalHandler(), options); err != nil {
		options.Log.Error(err, "the manager ends")
		os.Exit(1)
	}
}

// readFlags reads the command line, --kubeconfig included, which controller-runtime adds.
func readFlags() controllers.Options {
	var options controllers.Options
	flag.BoolVar(&options.LeaderElect, "leader-elect", false, "have one of several managers work, by a Lease")
	flag.StringVar(&options.Namespace, "namespace", cmp.Or(os.Getenv("POD_NAMESPACE"), defaultNamespace),
		"the operator's namespace, where the Lease is; default: environment variable POD_NAMESPACE")
	flag.StringVar(&options.MetricsBindAddress, "metrics-bind-address", ":8080", "where /metrics listens, as host:port; 0: nowhere")
	flag.StringVar(&options.HealthProbeBindAddress, "health-probe-bind-address", ":8081", "where /healthz and /readyz listen, as host:port; 0: nowhere")
	flag.Parse()
	return options
}

// run returns when ctx ends, after what is under way has been finished.
func run(ctx context.Context, options controllers.Options) error {
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the API server: %w", err)
	}
	manager, err := controllers.NewManager(ctx, cfg, options)
	if err != nil {
		return err
	}
	return manager.Start(ctx)
}
