// SPDX-License-Identifier: Apache-2.0

// Command machine runs programs on a kernel with IPVS: this host's where it has it, else that of a virtual machine. See
// package test/machine; LVS_LAB=host or LVS_LAB=vm chooses.
//
//	go run ./hack/machine run [-env NAME=value]... [-dir DIR] -- command...       one command on a machine of its own
//	go run ./hack/machine probe                                                   why this host cannot be the machine, if so
//	go run ./hack/machine up DIR                                                  a machine that stays, kept in DIR
//	go run ./hack/machine run -attach DIR -- command...                           one command on that machine
//	go run ./hack/machine down DIR                                                the end of that machine
//
// run exits with the command's exit code, or with 125 where there was no machine to run it on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/lvs-operator/lvs-operator/test/machine"
)

const usage = `usage:
  machine run [-attach DIR] [-env NAME=value]... [-dir DIR] -- command...
  machine probe
  machine up DIR
  machine down DIR`

// noMachine is the exit code for what went wrong outside of the command.
const noMachine = 125

func main() {
	err := execute(os.Args[1:])
	var exit *machine.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.Code)
	case err != nil:
		fmt.Fprintln(os.Stderr, "machine:", err)
		os.Exit(noMachine)
	}
}

func execute(args []string) error {
	switch {
	case len(args) > 1 && args[0] == "run":
		return run(args[1:])
	case len(args) == 1 && args[0] == "probe":
		return machine.Probe()
	case len(args) == 2 && args[0] == "up":
		return up(args[1])
	case len(args) == 2 && args[0] == "down":
		return machine.Down(args[1])
	}
	return errors.New(usage)
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }
func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func run(args []string) (err error) {
	flags := flag.NewFlagSet("machine run", flag.ContinueOnError)
	var env list
	flags.Var(&env, "env", "`NAME=value` for the command's environment; may be repeated")
	attach := flags.String("attach", "", "use the machine kept in `DIR`")
	dir := flags.String("dir", "", "the command's working `DIR`; the same path here and there")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New(usage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	m, err := open(ctx, *attach)
	stop()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	return m.Run(context.Background(), machine.Command{
		Args: flags.Args(), Env: env, Dir: *dir,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Signals: signals,
	})
}

func open(ctx context.Context, attach string) (machine.Machine, error) {
	if attach != "" {
		return machine.Attach(attach)
	}
	return machine.Open(ctx, machine.Options{Progress: os.Stderr})
}

func up(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	m, err := machine.Open(ctx, machine.Options{StateDir: dir, Detach: true, Progress: os.Stderr})
	if err != nil {
		return err
	}
	_, err = io.WriteString(os.Stdout, m.Name()+"\n")
	return err
}
