// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lvs-operator/lvs-operator/test/controlplane"
)

// maxBody bounds a request to the control server; the largest is a manifest.
const maxBody = 1 << 20

// control is how a story that runs on another machine uses kubectl, and stops and starts the API server.
type control struct {
	token    string
	listener net.Listener
	server   *http.Server
}

// startControl serves the cluster of cp. finished is told the story's result; execute runs a command on a host of the story.
func startControl(cp *controlplane.ControlPlane, finished func(Result), execute executor) (*control, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the lab's control server: %w", err)
	}
	c := &control{token: rand.Text(), listener: listener}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /kubectl", func(w http.ResponseWriter, r *http.Request) {
		out, err := cp.KubectlInput(r.Context(), http.MaxBytesReader(w, r.Body, maxBody), r.URL.Query()["arg"]...)
		answer(w, out, err)
	})
	mux.HandleFunc("POST /apply", func(w http.ResponseWriter, r *http.Request) {
		args := r.URL.Query()["arg"]
		if len(args) != 3 {
			http.Error(w, "want a folder, a namespace and a name", http.StatusBadRequest)
			return
		}
		applied, err := applyAndWatch(r.Context(), cp, args[0], args[1], args[2])
		if err != nil {
			answer(w, nil, err)
			return
		}
		out, err := json.Marshal(applied)
		answer(w, out, err)
	})
	mux.HandleFunc("POST /apiserver/stop", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, nil, cp.StopAPIServer())
	})
	mux.HandleFunc("POST /apiserver/start", func(w http.ResponseWriter, r *http.Request) {
		answer(w, nil, cp.StartAPIServer(r.Context()))
	})
	mux.HandleFunc("POST /exec", func(w http.ResponseWriter, r *http.Request) {
		out, err := execute(r.Context(), r.URL.Query()["arg"])
		answer(w, out, err)
	})
	mux.HandleFunc("POST /finished", func(w http.ResponseWriter, r *http.Request) {
		var result Result
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&result)
		if err == nil {
			finished(result)
		}
		answer(w, nil, err)
	})
	c.server = &http.Server{Handler: c.authorise(mux), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = c.server.Serve(listener) }()
	return c, nil
}

// executor runs a command (its host first) on the machine and returns what it printed.
type executor func(ctx context.Context, args []string) ([]byte, error)

func (c *control) address(host string) Control {
	return Control{URL: "http://" + net.JoinHostPort(host, strconv.Itoa(c.listener.Addr().(*net.TCPAddr).Port)), Token: c.token}
}

func (c *control) authorise(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+c.token)) != 1 {
			http.Error(w, "unauthorised", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c *control) stop() { _ = c.server.Close() }

func answer(w http.ResponseWriter, out []byte, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(out)
}

// Client is the story's side of the control server.
type Client struct {
	control Control
	http    http.Client
}

// NewClient makes a client of a control server.
func NewClient(c Control) *Client { return &Client{control: c} }

// Kubectl runs kubectl as the cluster's administrator, with stdin, and returns what it printed.
func (c *Client) Kubectl(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	return c.post(ctx, "/kubectl", stdin, args)
}

// StopAPIServer ends the API server's process; etcd keeps the data.
func (c *Client) StopAPIServer(ctx context.Context) error {
	_, err := c.post(ctx, "/apiserver/stop", nil, nil)
	return err
}

// StartAPIServer starts it again, at the same address, and waits until it is ready.
func (c *Client) StartAPIServer(ctx context.Context) error {
	_, err := c.post(ctx, "/apiserver/start", nil, nil)
	return err
}

// Result is how a story ended.
type Result struct {
	// Failure is what did not hold; empty when every step held.
	Failure string `json:"failure,omitempty"`
	// Disturbed says that the machine stood still meanwhile, so that the failure may be its fault.
	Disturbed bool `json:"disturbed,omitempty"`
}

// Finished tells the lab that the last step is over.
func (c *Client) Finished(ctx context.Context, result Result) error {
	body, err := json.Marshal(result)
	if err == nil {
		_, err = c.post(ctx, "/finished", bytes.NewReader(body), nil)
	}
	return err
}

// Exec runs a command on a host of the story, by the host's name, and returns what it printed.
func (c *Client) Exec(ctx context.Context, host string, args []string) (string, error) {
	return c.post(ctx, "/exec", nil, append([]string{host}, args...))
}

func (c *Client) post(ctx context.Context, path string, body io.Reader, args []string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.control.URL+path, body)
	if err != nil {
		return "", err
	}
	request.URL.RawQuery = url.Values{"arg": args}.Encode()
	request.Header.Set("Authorization", "Bearer "+c.control.Token)
	response, err := c.http.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask the lab's control server for %s: %w", path, err)
	}
	defer func() { _ = response.Body.Close() }()
	out, err := io.ReadAll(response.Body)
	if err != nil {
		return "", fmt.Errorf("read the control server's answer to %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s %v: %s", path, args, out)
	}
	return string(out), nil
}
