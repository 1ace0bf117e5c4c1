// SPDX-License-Identifier: Apache-2.0

// Command lab plays a story on a real kernel, with a real API server. `make demo` runs it for the tutorial.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/lvs-operator/lvs-operator/test/lab"
	"github.com/lvs-operator/lvs-operator/test/stage"
	"github.com/lvs-operator/lvs-operator/test/stories"
	"github.com/lvs-operator/lvs-operator/test/tutorial"
)

const usage = `usage:
  lab demo [STORY]          play a story, the tutorial if none is named, and end
  lab demo --keep [STORY]   play a story and leave everything running
  lab exec HOST COMMAND...  run a command on a host of a lab that was left running
  lab down                  end what was left running
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func run(ctx context.Context, args []string) error {
	command, rest := "", []string(nil)
	if len(args) > 0 {
		command, rest = args[0], args[1:]
	}
	switch {
	case command == "demo" && len(rest) > 0 && rest[0] == "--keep" && len(rest) <= 2:
		return withStory(ctx, rest[1:], keep)
	case command == "demo" && len(rest) <= 1:
		return withStory(ctx, rest, demo)
	case command == "serve" && len(rest) == 1:
		return withStory(ctx, rest, serve)
	case command == "story" && len(rest) == 1:
		return story(ctx, rest[0])
	case command == "exec" && len(rest) >= 2:
		return execute(ctx, rest[0], rest[1:])
	case command == "down" && len(rest) == 0:
		return down(ctx)
	}
	fmt.Fprint(os.Stderr, usage)
	return errors.New("unknown command")
}

// withStory calls do with the story that is named, or with the tutorial.
func withStory(ctx context.Context, names []string, do func(context.Context, stage.Story) error) error {
	name := tutorial.Story().Name
	if len(names) > 0 {
		name = names[0]
	}
	story, err := stories.Find(name)
	if err != nil {
		return err
	}
	return do(ctx, story)
}

func demo(ctx context.Context, story stage.Story) error {
	place, err := findPlace()
	if err != nil {
		return err
	}
	return play(ctx, story, lab.Options{Root: place.root, Dir: place.dir, Out: os.Stdout})
}

// play starts a lab, plays one story, and ends the lab.
func play(ctx context.Context, story stage.Story, options lab.Options) (err error) {
	options.Packages = story.Packages
	l, err := lab.Open(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return l.Play(ctx, story.Name)
}

// story is the part of a lab that runs on the machine with IPVS.
func story(ctx context.Context, path string) error {
	setup, err := lab.ReadSetup(path)
	if err != nil {
		return err
	}
	story, err := stories.Find(setup.Story)
	if err != nil {
		return err
	}
	return stage.Play(ctx, setup, story, os.Stdout)
}

// place is where a demo keeps its state: beside the code, so that a newcomer finds the logs.
type place struct {
	root, dir string
}

func findPlace() (place, error) {
	root, err := os.Getwd()
	if err != nil {
		return place{}, err
	}
	for dir := root; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return place{root: dir, dir: filepath.Join(dir, ".lab", "demo")}, nil
		}
		if dir == filepath.Dir(dir) {
			return place{}, fmt.Errorf("%s lies in no checkout of the project", root)
		}
	}
}
