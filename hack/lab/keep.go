// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lvs-operator/lvs-operator/test/controlplane"
	"github.com/lvs-operator/lvs-operator/test/lab"
	"github.com/lvs-operator/lvs-operator/test/stage"
)

// A kept demo is one process of its own session, `lab serve STORY`: every other process of the lab is its child and ends with it.

func (p place) file(ending string) string { return p.dir + ending }

// serving returns the process id of the kept demo, or 0. A process id that now belongs to another program is not it.
func (p place) serving() int {
	data, err := os.ReadFile(p.file(".pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0
	}
	line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil || !bytes.Contains(line, []byte("lab\x00serve\x00")) {
		return 0
	}
	return pid
}

func (p place) mustBeFree() error {
	if pid := p.serving(); pid != 0 {
		return fmt.Errorf("a demo is still running (process %d): `make demo-down` ends it", pid)
	}
	return nil
}

// keep plays the story in a process that outlives this one, and returns when its last step is over.
func keep(ctx context.Context, story stage.Story) error {
	p, err := findPlace()
	if err != nil {
		return err
	}
	if err := p.mustBeFree(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p.dir), 0o700); err != nil {
		return err
	}
	if err := os.Remove(p.file(".finished")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	out, err := os.Create(p.file(".log"))
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	server := exec.Command(self, "serve", story.Name)
	server.Dir, server.Stdout, server.Stderr = p.root, out, out
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := server.Start(); err != nil {
		return fmt.Errorf("start the demo: %w", err)
	}
	if err := os.WriteFile(p.file(".pid"), []byte(strconv.Itoa(server.Process.Pid)), 0o600); err != nil {
		return errors.Join(err, server.Process.Signal(syscall.SIGTERM))
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	failure, err := p.follow(ctx, ended)
	if err != nil {
		_ = server.Process.Signal(syscall.SIGTERM)
		return err
	}
	assets, err := controlplane.Assets(ctx)
	if err != nil {
		return err
	}
	fmt.Printf(`
Everything goes on running. In another shell, or here:

  export KUBECONFIG=%s
  export PATH=$PATH:%s   # kubectl, if you have none
  kubectl get lvs -A
%s
`+"`make demo-down` ends it.\n", lab.Kubeconfig(p.dir), assets, p.hints(story))
	if failure != "" {
		return errors.New(failure)
	}
	return nil
}

// hints are the story's commands, as they are typed in the work tree.
func (p place) hints(story stage.Story) string {
	var lines strings.Builder
	for _, command := range story.Try {
		fmt.Fprintf(&lines, "  bin/lab exec %s\n", strings.ReplaceAll(command, "hosttool", filepath.Join(p.root, "bin", "hosttool")))
	}
	return lines.String()
}

// follow prints the log as it grows until the demo says that it has finished; then it returns what failed, if anything.
func (p place) follow(ctx context.Context, ended <-chan error) (failure string, err error) {
	log, err := os.Open(p.file(".log"))
	if err != nil {
		return "", err
	}
	defer func() { _ = log.Close() }()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		// Looked for before the log is read: what was printed until then is printed here too.
		result, finished := os.ReadFile(p.file(".finished"))
		if _, err := io.Copy(os.Stdout, log); err != nil {
			return "", err
		}
		if finished == nil {
			return string(result), nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case err := <-ended:
			_, _ = io.Copy(os.Stdout, log)
			return "", fmt.Errorf("the demo ended early: %w", errors.Join(err, errors.New("see "+p.file(".log"))))
		case <-look.C:
		}
	}
}

// serve is the kept demo.
func serve(ctx context.Context, story stage.Story) error {
	p, err := findPlace()
	if err != nil {
		return err
	}
	played := play(ctx, story, lab.Options{
		Root: p.root, Dir: p.dir, Out: os.Stdout, Keep: true,
		Control: func(c lab.Control) error {
			data, err := json.Marshal(c)
			if err != nil {
				return err
			}
			return os.WriteFile(p.file(".control"), data, 0o600)
		},
		Finished: func(result lab.Result) {
			temporary := p.file(".finished.new")
			if err := os.WriteFile(temporary, []byte(result.Failure), 0o600); err == nil {
				err = os.Rename(temporary, p.file(".finished"))
				if err != nil {
					fmt.Fprintln(os.Stderr, "lab: cannot say that the demo has finished:", err)
				}
			}
		},
	})
	if ctx.Err() == nil {
		return played
	}
	return nil // `lab down` told it to end
}

// execute runs a command on a host of the kept demo.
func execute(ctx context.Context, host string, args []string) error {
	p, err := findPlace()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(p.file(".control"))
	if err != nil || p.serving() == 0 {
		return errors.New("no demo is running: start one with `make demo KEEP=1`")
	}
	var c lab.Control
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("read %s: %w", p.file(".control"), err)
	}
	out, err := lab.NewClient(c).Exec(ctx, host, args)
	fmt.Print(out)
	return err
}

// down ends the kept demo and waits until it is gone.
func down(ctx context.Context) error {
	p, err := findPlace()
	if err != nil {
		return err
	}
	pid := p.serving()
	if pid == 0 {
		fmt.Println("no demo is running")
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("end the demo (process %d): %w", pid, err)
	}
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for p.serving() != 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the demo (process %d) has not ended: %w; see %s", pid, ctx.Err(), p.file(".log"))
		case <-look.C:
		}
	}
	fmt.Println("the demo has ended")
	return nil
}
