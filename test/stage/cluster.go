// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// AddNodes makes hosts that were added nodes of the cluster, as their kubelets would, all with the same labels beside the
// host's name, and starts their agents.
func (s *Stage) AddNodes(ctx context.Context, labels map[string]string, hosts ...string) error {
	list := corev1.List{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "List"}}
	for _, host := range hosts {
		node := corev1.Node{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
			ObjectMeta: metav1.ObjectMeta{Name: host, Labels: map[string]string{corev1.LabelHostname: host}},
			Status: corev1.NodeStatus{
				Addresses:  []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: s.hosts[host].Address().String()}},
				Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady"}},
			},
		}
		maps.Copy(node.Labels, labels)
		raw, err := json.Marshal(node)
		if err != nil {
			return err
		}
		list.Items = append(list.Items, runtime.RawExtension{Raw: raw})
	}
	manifest, err := json.Marshal(list)
	if err != nil {
		return err
	}
	if _, err := s.Control.Kubectl(ctx, bytes.NewReader(manifest), "create", "-f", "-"); err != nil {
		return fmt.Errorf("register the nodes: %w", err)
	}
	s.nodes = append(s.nodes, hosts...)
	for _, host := range hosts {
		if err := s.StartAgent(ctx, host); err != nil {
			return err
		}
	}
	return nil
}
