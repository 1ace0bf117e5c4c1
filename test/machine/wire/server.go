// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	requestTimeout = 10 * time.Second // for a client to say what it wants
	outputDelay    = time.Second      // for output of children that outlive the program
)

// Server runs what clients ask for.
type Server struct {
	// Token is the secret that each request must carry. An empty Token lets nobody in.
	Token string
	// Accepted, if set, sees each request that carried the token, before its program starts.
	Accepted func(Request)
}

// Serve handles one client and closes conn. It returns when the program has ended and nothing of its process group is
// left. Programs that must outlive the conversation leave the group, with setsid. What goes wrong is told to the client.
func (s *Server) Serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetReadDeadline(time.Now().Add(requestTimeout)) // a connection without deadlines is only less guarded
	request, err := s.receiveRequest(conn)
	if err != nil {
		_ = writeFrame(conn, kindFailed, []byte(err.Error())) // a client that is gone needs no answer
		return
	}
	_ = conn.SetReadDeadline(time.Time{}) // the program may take as long as it likes
	if s.Accepted != nil {
		s.Accepted(request)
	}
	if len(request.Args) == 0 {
		_ = writeFrame(conn, kindExit, []byte{0, 0})
		return
	}
	run(conn, request)
}

func (s *Server) receiveRequest(conn net.Conn) (Request, error) {
	var request Request
	k, payload, err := readFrame(conn)
	if err != nil {
		return request, fmt.Errorf("read request: %w", err)
	}
	if k != kindRequest {
		return request, fmt.Errorf("first frame is of kind %d, want a request", k)
	}
	if err := json.Unmarshal(payload, &request); err != nil {
		return request, fmt.Errorf("read request: %w", err)
	}
	if s.Token == "" || subtle.ConstantTimeCompare([]byte(request.Token), []byte(s.Token)) != 1 {
		return request, errors.New("wrong token: this is another machine than the one that was asked for")
	}
	return request, nil
}

// program is one running command and its client.
type program struct {
	conn   net.Conn
	write  sync.Mutex // frames are whole
	ending sync.Once
	cmd    *exec.Cmd
	input  chan []byte // at most the one frame that the client may have under way; nil is the end
}

func run(conn net.Conn, request Request) {
	p := &program{conn: conn, input: make(chan []byte, 2)}
	cmd := exec.Command(request.Args[0], request.Args[1:]...)
	cmd.Env = append(os.Environ(), request.Env...)
	cmd.Dir = request.Dir
	cmd.Stdout = &output{p, kindStdout}
	cmd.Stderr = &output{p, kindStderr}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = outputDelay
	p.cmd = cmd
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		_ = p.send(kindFailed, fmt.Appendf(nil, "start %s: %v", request.Args[0], err))
		return
	}
	ended := make(chan struct{})
	go p.feed(stdin, ended)
	go p.listen()
	_ = cmd.Wait() // the state says more than the error
	close(ended)
	p.end()
	_ = p.send(kindExit, exitFrame(cmd.ProcessState))
}

func (p *program) send(k kind, payload []byte) error {
	p.write.Lock()
	defer p.write.Unlock()
	return writeFrame(p.conn, k, payload)
}

// end kills what is left of the program's process group, once: later the number may name another group.
func (p *program) end() {
	p.ending.Do(func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
}

// listen takes the client's frames. The end of the stream, or a frame that breaks the rules, is the program's end too.
func (p *program) listen() {
	defer close(p.input)
	defer p.end()
	for {
		k, payload, err := readFrame(p.conn)
		if err != nil {
			return
		}
		switch {
		case k == kindSignal && len(payload) == 1:
			_ = p.cmd.Process.Signal(syscall.Signal(payload[0])) // a program that just ended needs none
		case k == kindStdin || k == kindStdinEnd:
			if k == kindStdinEnd {
				payload = nil
			}
			select {
			case p.input <- payload:
			default:
				return // more than the client was allowed to send
			}
		default:
			return
		}
	}
}

// feed writes input to the program. Input for a program that has closed its end is thrown away.
func (p *program) feed(stdin io.WriteCloser, ended <-chan struct{}) {
	defer func() { _ = stdin.Close() }()
	for {
		select {
		case chunk := <-p.input:
			if chunk == nil {
				return
			}
			_, _ = stdin.Write(chunk)
			if p.send(kindStdinTaken, nil) != nil {
				return
			}
		case <-ended:
			return
		}
	}
}

// output sends what a program writes, in frames of at most chunkSize bytes.
type output struct {
	program *program
	kind    kind
}

func (o *output) Write(b []byte) (int, error) {
	written := 0
	for written < len(b) {
		chunk := b[written:min(written+chunkSize, len(b))]
		if err := o.program.send(o.kind, chunk); err != nil {
			return written, err
		}
		written += len(chunk)
	}
	return written, nil
}

// exitFrame returns the payload that tells how a program ended. Output that could not be delivered changes nothing.
func exitFrame(state *os.ProcessState) []byte {
	status, ok := state.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return []byte{0, byte(status.Signal())}
	}
	return []byte{byte(state.ExitCode()), 0}
}
