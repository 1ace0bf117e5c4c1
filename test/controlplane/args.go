// SPDX-License-Identifier: Apache-2.0

package controlplane

import "strconv"

// The programs that a directory of assets holds. Each is started under this name, because one binary may be all three.
const (
	etcdProgram      = "etcd"
	apiServerProgram = "kube-apiserver"
	kubectlProgram   = "kubectl"
)

// loopback is the only address that either process listens on.
const loopback = "127.0.0.1"

// etcdArgs trade durability for speed: the data survives any end of the processes, but not the machine's.
func (cp *ControlPlane) etcdArgs() []string {
	return []string{
		"--data-dir=" + cp.layout.etcdData(),
		"--listen-client-urls=" + cp.etcdURL(),
		"--advertise-client-urls=" + cp.etcdURL(),
		"--listen-peer-urls=http://" + loopback + ":0",
		"--unsafe-no-fsync",
		"--log-level=warn",
	}
}

func (cp *ControlPlane) apiServerArgs() []string {
	return append([]string{
		"--etcd-servers=" + cp.etcdURL(),
		"--bind-address=" + loopback,
		"--secure-port=" + strconv.Itoa(cp.ports.apiServer),
		"--advertise-address=" + loopback,
		// A loopback address must not stand in an EndpointSlice, so the kubernetes Service gets none.
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--client-ca-file=" + cp.layout.key(caCertFile),
		"--tls-cert-file=" + cp.layout.key(servingCertFile),
		"--tls-private-key-file=" + cp.layout.key(servingKeyFile),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + cp.layout.key(serviceAccountPublicKeyFile),
		"--service-account-signing-key-file=" + cp.layout.key(serviceAccountKeyFile),
		// No controller makes the default ServiceAccounts, which this plugin would ask for.
		"--disable-admission-plugins=ServiceAccount",
		// The agent's DaemonSet is privileged, and is refused otherwise.
		"--allow-privileged=true",
		"--profiling=false",
		// Without it a client's open watch holds up a stop by more than stopGrace.
		"--shutdown-watch-termination-grace-period=1s",
	}, cp.opts.APIServerArgs...)
}
