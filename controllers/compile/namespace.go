// SPDX-License-Identifier: Apache-2.0

package compile

import "k8s.io/apimachinery/pkg/labels"

// namespace is who asks for an address or a mark.
type namespace struct {
	name   string
	labels map[string]string
}

func (n namespace) selectedBy(selector labels.Selector) bool {
	return selector.Matches(labels.Set(n.labels))
}
