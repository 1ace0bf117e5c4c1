// SPDX-License-Identifier: Apache-2.0

// Package hosttool is the command line of package traffic: a client or a server on a test host. It is a package so that
// a test's own binary can be the tool.
//
//	serve -listen 192.0.2.111:8080 -name rs1                            prints "listening" once it does
//	poll -target 192.0.2.200:8080 -every 10ms -timeout 1s [-count 100]  one JSON line a try
//	hold -target 192.0.2.200:8080 -every 100ms -timeout 5s              one JSON line when connected, one at the end
package hosttool

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

// Execute runs the subcommand that args begin with and prints what it reports to out. The end of ctx ends it in order.
func Execute(ctx context.Context, args []string, out io.Writer) error {
	commands := map[string]func(context.Context, []string, io.Writer) error{"serve": serve, "poll": poll, "hold": hold}
	if len(args) > 0 {
		if command, known := commands[args[0]]; known {
			return command(ctx, args[1:], out)
		}
	}
	return errors.New("usage: hosttool serve|poll|hold [flags]; each takes -h")
}

func serve(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	address := flags.String("listen", ":8080", "`address:port` to listen on")
	name := flags.String("name", "", "what to say to each client")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, "listening"); err != nil {
		return err
	}
	return traffic.Serve(ctx, listener, *name)
}

func poll(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("poll", flag.ContinueOnError)
	target := flags.String("target", "", "`address:port` to connect to")
	p := traffic.Poll{}
	flags.DurationVar(&p.Every, "every", 10*time.Millisecond, "time between the starts of two tries")
	flags.DurationVar(&p.Timeout, "timeout", time.Second, "bound of each try")
	flags.IntVar(&p.Count, "count", 0, "number of tries; 0 means until told to end")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p.Dial = traffic.DialTCP(*target)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	lines := json.NewEncoder(out)
	err := p.Run(ctx, func(try traffic.Try) {
		if err := lines.Encode(try); err != nil {
			stop(fmt.Errorf("print a try: %w", err))
		}
	})
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

func hold(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("hold", flag.ContinueOnError)
	target := flags.String("target", "", "`address:port` to connect to")
	h := traffic.Hold{}
	flags.DurationVar(&h.Every, "every", 100*time.Millisecond, "time between the starts of two lines")
	flags.DurationVar(&h.Timeout, "timeout", 5*time.Second, "bound of the connecting and of each echo")
	if err := flags.Parse(args); err != nil {
		return err
	}
	h.Dial = traffic.DialTCP(*target)
	lines := json.NewEncoder(out)
	held, err := h.Run(ctx, func(name string) { _ = lines.Encode(map[string]string{"connected": name}) })
	if err != nil {
		return err
	}
	return lines.Encode(held)
}
