// SPDX-License-Identifier: Apache-2.0

// Command controlplane is etcd, kube-apiserver and kubectl in one program, so that tests get a real API server out of
// the Go module proxy alone; it is a test's tool and never part of a release.
//
// It acts as the program that it is called as (a symbolic link of that name) or, under any other name, as the one that
// its first argument names.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// programs holds what this program can be. Each reads os.Args, as the original does, and returns an exit status
// unless it ended the process itself.
var programs = map[string]func() int{
	"etcd":           runEtcd,
	"kube-apiserver": runAPIServer,
	"kubectl":        runKubectl,
}

func main() {
	if run, ok := programs[filepath.Base(os.Args[0])]; ok {
		os.Exit(run())
	}
	if len(os.Args) > 1 {
		if run, ok := programs[os.Args[1]]; ok {
			os.Args = os.Args[1:]
			os.Exit(run())
		}
	}
	fmt.Fprintf(os.Stderr, "usage: %s etcd|kube-apiserver|kubectl [argument...]\n", os.Args[0])
	os.Exit(2)
}

// runEtcd blocks until etcd was told to end.
func runEtcd() int {
	etcdmain.Main(os.Args)
	return 0
}

// runAPIServer blocks until the API server was told to end.
func runAPIServer() int {
	return cli.Run(apiserver.NewAPIServerCommand())
}

// runKubectl prints errors the way kubectl does, which for a Status is the server's message.
func runKubectl() int {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
	return 0
}
