// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Node is a host of the tutorial that is a node of the cluster.
type Node struct {
	// Name of the host and of the Node.
	Name string
	// Address of the host, on the service network.
	Address string
	// Director says whether it carries the label that the tutorial's DirectorGroup selects.
	Director bool
}

// Nodes are the tutorial's hosts. The client is none of them: it is outside the cluster.
func Nodes() []Node {
	return []Node{
		{Name: "master", Address: "192.168.1.114", Director: true},
		{Name: "brucelee", Address: "192.168.1.112", Director: true},
		{Name: "youzhibing", Address: "192.168.1.111"},
		{Name: "youzhibing03", Address: "192.168.1.115"},
	}
}

// createNodes registers the hosts as their kubelets would.
func createNodes(ctx context.Context, config *rest.Config) error {
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	for _, n := range Nodes() {
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: map[string]string{corev1.LabelHostname: n.Name}},
			Status: corev1.NodeStatus{
				Addresses:  []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: n.Address}},
				Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady"}},
			},
		}
		if n.Director {
			node.Labels["lvs-operator.io/director"] = "true"
		}
		if _, err := clients.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("register node %s: %w", n.Name, err)
		}
	}
	return nil
}
