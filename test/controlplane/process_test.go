// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// crashBound is how long the tests wait for what must happen.
const crashBound = 20 * time.Second

// Set, the test program starts a program of its own and waits to be killed; the values are the state's directory and,
// for the second, "detach" or nothing.
const (
	envCrashDir  = "LVS_TEST_CRASH_DIR"
	envCrashMode = "LVS_TEST_CRASH_MODE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envCrashDir); dir != "" {
		waitToBeKilled(dir, os.Getenv(envCrashMode) == "detach")
	}
	os.Exit(m.Run())
}

// waitToBeKilled prints the process id of its child, and returns when its standard input ends.
func waitToBeKilled(dir string, detach bool) {
	p, err := standIn(layout(dir), detach).start()
	if err != nil {
		_, _ = os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString(strconv.Itoa(p.cmd.Process.Pid) + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(0)
}

// standIn is a shell that, under etcd's name and with an argument in the state's directory as etcd has, does nothing
// until it is told to end.
func standIn(l layout, detach bool) program {
	return program{
		name:   etcdProgram,
		path:   l.path("bin", etcdProgram),
		args:   []string{"-c", "echo waiting; while :; do read -r _ <&3; done 3<>fifo", "--data-dir=" + l.etcdData()},
		dir:    string(l),
		log:    l.log(etcdProgram),
		pid:    l.pid(etcdProgram),
		detach: detach,
	}
}

// newLayout is a state directory whose bin/etcd is a shell.
func newLayout(t *testing.T) layout {
	t.Helper()
	l := layout(t.TempDir())
	if err := l.create(); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(l.path("bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/bin/sh", l.path("bin", etcdProgram)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(l.path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	return l
}

// crash starts a test program that starts a stand-in, kills it with SIGKILL, and returns the stand-in's pidfd.
func crash(t *testing.T, l layout, mode string) int {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), envCrashDir+"="+string(l), envCrashMode+"="+mode)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the crashing program says %q", line)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatalf("open process %d: %v", pid, err)
	}
	t.Cleanup(func() {
		_ = signal(fd, unix.SIGKILL)
		_ = unix.Close(fd)
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed, and says so
	return fd
}

func ended(t *testing.T, fd int, limit time.Duration) bool {
	t.Helper()
	ended, err := waitEnd(fd, limit)
	if err != nil {
		t.Fatal(err)
	}
	return ended
}

func TestProcessesDieWithACrashedTest(t *testing.T) {
	fd := crash(t, newLayout(t), "")
	if !ended(t, fd, crashBound) {
		t.Fatal("the process outlived the crash of the program that started it")
	}
}

func TestDetachedProcessesOutliveTheirStarterUntilDown(t *testing.T) {
	l := newLayout(t)
	fd := crash(t, l, "detach")
	if ended(t, fd, 300*time.Millisecond) {
		t.Fatalf("the detached process died with the program that started it; log:\n%s", logTail(l.log(etcdProgram)))
	}
	if err := Down(string(l)); err != nil {
		t.Fatal(err)
	}
	if !ended(t, fd, 0) {
		t.Fatal("Down returned before the process ended")
	}
	if err := Down(string(l)); err != nil {
		t.Fatalf("a second Down, with nothing left to end: %v", err)
	}
}

func TestDownLeavesAlonePidThatBelongsToAnotherProgram(t *testing.T) {
	theirs, ours := newLayout(t), newLayout(t)
	p, err := standIn(theirs, false).start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(crashBound); err != nil {
			t.Error(err)
		}
	})
	pid := []byte(strconv.Itoa(p.cmd.Process.Pid))
	if err := os.WriteFile(ours.pid(etcdProgram), pid, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Down(string(ours)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
		t.Fatal("Down ended a process of another control plane that had the recorded id")
	default:
	}
}

func TestDownRefusesAPidFileThatHoldsNone(t *testing.T) {
	for _, text := range []string{"", "-1", "0", "etcd"} {
		l := newLayout(t)
		if err := os.WriteFile(l.pid(etcdProgram), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Down(string(l)); err == nil || !strings.Contains(err.Error(), "holds no process id") {
			t.Errorf("pid file %q: got error %v", text, err)
		}
	}
}

// onAThreadThatEnds runs f on a thread that is gone, or about to go, when it returns. The program's first thread never
// goes, so a goroutine that happens to have it keeps it while another one runs f.
func onAThreadThatEnds(f func()) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread() // and never unlocked, so the thread ends with this goroutine
		defer close(done)
		if unix.Gettid() == unix.Getpid() {
			onAThreadThatEnds(f)
			runtime.UnlockOSThread()
			return
		}
		f()
	}()
	<-done
}

func TestProcessesOutliveTheThreadThatAskedForThem(t *testing.T) {
	var (
		p   *process
		err error
		l   = newLayout(t)
	)
	onAThreadThatEnds(func() { p, err = standIn(l, false).start() })
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
		t.Fatal("the process died with a thread, not with the program")
	case <-time.After(300 * time.Millisecond):
	}
	if err := p.stop(crashBound); err != nil {
		t.Fatal(err)
	}
}

func TestStopEndsAProcessThatIgnoresSIGTERM(t *testing.T) {
	l := newLayout(t)
	if err := unix.Mkfifo(l.path("deaf"), 0o600); err != nil {
		t.Fatal(err)
	}
	stubborn := standIn(l, false)
	stubborn.args[1] = "trap '' TERM; echo >deaf; " + stubborn.args[1]
	p, err := stubborn.start()
	if err != nil {
		t.Fatal(err)
	}
	// The read ends when the process, deaf by then, has written.
	if _, err := os.ReadFile(l.path("deaf")); err != nil {
		t.Fatal(err)
	}
	const grace = 200 * time.Millisecond
	began := time.Now()
	if err := p.stop(grace); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	default:
		t.Error("the process survived stop")
	}
	if took := time.Since(began); took < grace {
		t.Errorf("SIGKILL came after %s, before the grace of %s", took, grace)
	}
	if _, err := os.Stat(l.pid(etcdProgram)); !os.IsNotExist(err) {
		t.Errorf("the pid file of an ended process is still there: %v", err)
	}
}

func TestAProcessThatEndsByItselfIsReportedWithItsLog(t *testing.T) {
	failing := standIn(newLayout(t), false)
	failing.args = []string{"-c", "echo cannot open the data directory >&2; exit 3"}
	p, err := failing.start()
	if err != nil {
		t.Fatal(err)
	}
	err = p.waitReady(t.Context(), http.DefaultClient, "http://127.0.0.1:0/readyz")
	for _, want := range []string{"start etcd", "exit status 3", "cannot open the data directory"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if err := p.stop(time.Second); err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("stopping it reports %v", err)
	}
}

func TestLogTailIsBoundedAndKeepsWholeLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	var text strings.Builder
	for i := range 1000 {
		text.WriteString("line " + strconv.Itoa(i) + strings.Repeat(" filler", 100) + "\n")
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	tail := logTail(path)
	if len(tail) > logTailBytes {
		t.Errorf("the tail has %d bytes, more than %d", len(tail), logTailBytes)
	}
	lines := strings.Split(tail, "\n")
	if got := lines[len(lines)-1]; !strings.HasPrefix(got, "line 999 ") {
		t.Errorf("the tail ends with %.20q", got)
	}
	if !strings.HasPrefix(lines[0], "line ") {
		t.Errorf("the tail begins within a line: %.20q", lines[0])
	}
}
