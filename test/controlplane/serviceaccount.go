// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// KubeconfigTokenTTL is how long the token in a [ControlPlane.ServiceAccountKubeconfig] is good.
const KubeconfigTokenTTL = 24 * time.Hour

// ServiceAccountToken asks the TokenRequest API for a token of the service account, which must exist. The API server
// refuses a ttl under 10 minutes.
func (cp *ControlPlane) ServiceAccountToken(ctx context.Context, namespace, name string, ttl time.Duration) (string, error) {
	client, err := corev1client.NewForConfig(cp.RESTConfig())
	if err != nil {
		return "", fmt.Errorf("make client for service account tokens: %w", err)
	}
	seconds := int64(ttl.Seconds())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	granted, err := client.ServiceAccounts(namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("request token of service account %s/%s for %s: %w", namespace, name, ttl, err)
	}
	return granted.Status.Token, nil
}

// ServiceAccountKubeconfig writes to path a kubeconfig of the service account, as [WriteKubeconfig] does. server is the
// URL that the client dials, for one that reaches the API server through a proxy; empty means the API server's own.
// tlsServerName is the name of the serving certificate that the client verifies instead of server's host, such as
// "kubernetes"; empty means server's host.
func (cp *ControlPlane) ServiceAccountKubeconfig(ctx context.Context, path, server, tlsServerName, namespace, name string) error {
	token, err := cp.ServiceAccountToken(ctx, namespace, name, KubeconfigTokenTTL)
	if err != nil {
		return err
	}
	if server == "" {
		server = cp.url()
	}
	return WriteKubeconfig(path, &rest.Config{
		Host:            server,
		BearerToken:     token,
		TLSClientConfig: rest.TLSClientConfig{CAData: cp.pki.caCert, ServerName: tlsServerName},
	})
}
