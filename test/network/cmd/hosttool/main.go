// SPDX-License-Identifier: Apache-2.0

// Command hosttool is a client or a server on a test host; see package hosttool. TERM and INT end it in order.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/lvs-operator/lvs-operator/test/network/hosttool"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := hosttool.Execute(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hosttool:", err)
		os.Exit(1)
	}
}
