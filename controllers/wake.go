// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
)

// wake tells the other reconcilers what concerns them.
type wake struct {
	nodes, groups, services inbox
}

func (w *wake) node(name string) { w.nodes.add(types.NamespacedName{Name: name}) }

func (w *wake) group(name string) { w.groups.add(types.NamespacedName{Name: name}) }

// changed wakes the nodes and services in which two plans of a group differ. before is nil for a first plan.
func (w *wake) changed(before, next *plan) {
	if before == nil {
		before = &plan{}
	}
	for node, part := range next.nodes {
		if old, had := before.nodes[node]; !had || !equality.Semantic.DeepEqual(old, part) {
			w.node(node)
		}
	}
	for node := range before.nodes {
		if _, has := next.nodes[node]; !has {
			w.node(node)
		}
	}
	directors := !equality.Semantic.DeepEqual(before.view.Directors, next.view.Directors)
	for key, needs := range next.view.Services {
		if old, had := before.view.Services[key]; directors || !had || !equality.Semantic.DeepEqual(old, needs) {
			w.services.add(key)
		}
	}
	for key := range before.view.Services {
		if _, has := next.view.Services[key]; !has {
			w.services.add(key)
		}
	}
}
