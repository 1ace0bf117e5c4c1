// SPDX-License-Identifier: Apache-2.0

// Package controlplane runs a real etcd and kube-apiserver on loopback for tests and the demo; it runs no controllers,
// scheduler or kubelet, listens nowhere else and is never part of a release.
//
// It exists beside controller-runtime's envtest because its API server can be stopped and started again with the same
// address, keys and data, which is how a test takes the API server away from an agent. Without controllers nothing
// finishes a namespace's deletion, collects garbage or makes a Pod of a DaemonSet.
package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/client-go/rest"
)

const (
	// startTimeout bounds the wait for one process to be ready. An idle machine needs about three seconds; this leaves
	// room for one that compiles at the same time.
	startTimeout = 2 * time.Minute
	// stopGrace is how long a process has between SIGTERM and SIGKILL.
	stopGrace = 20 * time.Second
)

// Options say where a control plane keeps its state and how long it lives.
type Options struct {
	// AssetsDir holds etcd, kube-apiserver and kubectl. Empty means what [Assets] returns.
	AssetsDir string
	// Dir receives keys, data, logs and process ids. It must not hold a control plane already; it is made if missing
	// and never removed.
	Dir string
	// Detach lets the processes outlive this one, until [Down] is called with Dir. Without it they die with this
	// process, however that ends.
	Detach bool
	// ServerNames are DNS names and IP addresses that the API server's certificate carries beside localhost, 127.0.0.1,
	// kubernetes, kubernetes.default.svc and 10.0.2.2 (the host, seen from a VM on qemu's user network).
	ServerNames []string
	// APIServerArgs are appended to kube-apiserver's arguments, so the last of a repeated flag wins.
	APIServerArgs []string
}

// ControlPlane is an etcd and a kube-apiserver that [Start] started. The methods that start and stop processes must not
// be called at the same time as each other; all others are safe for concurrent use.
type ControlPlane struct {
	opts      Options
	layout    layout
	pki       *pki
	ports     ports
	etcd      *process
	apiServer *process
}

// Start returns once the API server says that it is ready. ctx bounds the start alone, which also ends after two
// minutes a process; the processes run until Stop, in the network namespace of this process, whatever the calling
// thread's is. An error carries the last lines of the failed process's log, and nothing is left running.
func Start(ctx context.Context, opts Options) (*ControlPlane, error) {
	cp, err := prepare(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("prepare control plane in %q: %w", opts.Dir, err)
	}
	if err := cp.startEtcd(ctx); err != nil {
		return nil, errors.Join(err, cp.Stop())
	}
	if err := cp.StartAPIServer(ctx); err != nil {
		return nil, errors.Join(err, cp.Stop())
	}
	return cp, nil
}

// prepare does everything that needs no process: directories, keys, ports and the administrator's kubeconfig.
func prepare(ctx context.Context, opts Options) (*ControlPlane, error) {
	if opts.Dir == "" {
		return nil, errors.New("no directory given for its state")
	}
	if opts.AssetsDir == "" {
		dir, err := Assets(ctx)
		if err != nil {
			return nil, err
		}
		opts.AssetsDir = dir
	}
	var err error
	if opts.AssetsDir, err = filepath.Abs(opts.AssetsDir); err != nil {
		return nil, err
	}
	if opts.Dir, err = filepath.Abs(opts.Dir); err != nil {
		return nil, err
	}
	cp := &ControlPlane{opts: opts, layout: layout(opts.Dir)}
	if err := cp.layout.create(); err != nil {
		return nil, err
	}
	if cp.ports, err = pickPorts(); err != nil {
		return nil, err
	}
	if cp.pki, err = newPKI(time.Now(), opts.ServerNames); err != nil {
		return nil, err
	}
	if err := cp.pki.write(cp.layout); err != nil {
		return nil, err
	}
	if err := WriteKubeconfig(cp.layout.adminKubeconfig(), cp.RESTConfig()); err != nil {
		return nil, err
	}
	return cp, nil
}

// Stop ends both processes, the API server first, each with SIGTERM and, 20 seconds later, SIGKILL. Keys, data and logs
// stay. Stopping what is stopped returns nil; a process that had ended by itself is an error that carries its log.
func (cp *ControlPlane) Stop() error {
	errAPIServer := cp.StopAPIServer()
	errEtcd := cp.stop(&cp.etcd)
	return errors.Join(errAPIServer, errEtcd)
}

// StopAPIServer ends kube-apiserver as Stop does, and leaves etcd running.
func (cp *ControlPlane) StopAPIServer() error {
	return cp.stop(&cp.apiServer)
}

// StartAPIServer starts a stopped kube-apiserver at the address and with the keys that it had, and returns once it is
// ready; ctx and errors are as in [Start]. Starting it twice is an error.
func (cp *ControlPlane) StartAPIServer(ctx context.Context) error {
	if cp.apiServer != nil {
		return errors.New("start kube-apiserver: it runs already; call StopAPIServer first")
	}
	return cp.start(ctx, &cp.apiServer, apiServerProgram, cp.apiServerArgs(), cp.url()+"/readyz", cp.adminHTTPClient())
}

func (cp *ControlPlane) startEtcd(ctx context.Context) error {
	return cp.start(ctx, &cp.etcd, etcdProgram, cp.etcdArgs(), cp.etcdURL()+"/readyz", &http.Client{Timeout: requestTimeout})
}

// start runs the named program into slot and waits until readyURL answers 200. A program that does not get ready is
// ended.
func (cp *ControlPlane) start(ctx context.Context, slot **process, name string, args []string, readyURL string, client *http.Client) error {
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	p, err := program{
		name:   name,
		path:   filepath.Join(cp.opts.AssetsDir, name),
		args:   args,
		dir:    cp.opts.Dir,
		log:    cp.layout.log(name),
		pid:    cp.layout.pid(name),
		detach: cp.opts.Detach,
	}.start()
	if err != nil {
		return err
	}
	if err := p.waitReady(ctx, client, readyURL); err != nil {
		p.terminate(stopGrace)
		return err
	}
	*slot = p
	return nil
}

// stop ends the process in slot and empties slot.
func (cp *ControlPlane) stop(slot **process) error {
	p := *slot
	if p == nil {
		return nil
	}
	*slot = nil
	return p.stop(stopGrace)
}

// Dir is the absolute path of the directory that holds the state; its logs/ has one file a program.
func (cp *ControlPlane) Dir() string { return cp.opts.Dir }

// Endpoint is the API server's host:port. It stays the same for the control plane's life.
func (cp *ControlPlane) Endpoint() string {
	return net.JoinHostPort(loopback, strconv.Itoa(cp.ports.apiServer))
}

// RESTConfig is the administrator's (group system:masters), with no client-side rate limit. Each call returns a copy
// that the caller may change.
func (cp *ControlPlane) RESTConfig() *rest.Config {
	return &rest.Config{
		Host: cp.url(),
		TLSClientConfig: rest.TLSClientConfig{
			CAData:   cp.pki.caCert,
			CertData: cp.pki.adminCert,
			KeyData:  cp.pki.adminKey,
		},
		QPS: -1,
	}
}

func (cp *ControlPlane) url() string { return "https://" + cp.Endpoint() }

func (cp *ControlPlane) etcdURL() string {
	return "http://" + net.JoinHostPort(loopback, strconv.Itoa(cp.ports.etcd))
}

// adminHTTPClient has a connection pool of its own, so that connections to a stopped API server are not tried again.
func (cp *ControlPlane) adminHTTPClient() *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cp.pki.caCert)
	return &http.Client{
		Timeout: requestTimeout,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{
			RootCAs:    roots,
			MinVersion: tls.VersionTLS13,
		}},
	}
}
