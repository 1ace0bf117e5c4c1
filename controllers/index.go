// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strconv"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/compile"
)

// The fields by which cached objects are found.
const (
	groupField = "spec.directorGroup"
	poolField  = "spec.realServerPool"
	// addressField is also the single addresses that a firewall mark matches.
	addressField = "spec.address"
	markField    = "spec.firewallMark.mark"
)

func addIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, index := range []struct {
		object client.Object
		field  string
		values func(client.Object) []string
	}{
		{&v1alpha1.VirtualService{}, groupField, one(func(o client.Object) string { return o.(*v1alpha1.VirtualService).Spec.DirectorGroup })},
		{&v1alpha1.VirtualService{}, poolField, one(func(o client.Object) string { return o.(*v1alpha1.VirtualService).Spec.RealServerPool })},
		{&v1alpha1.VirtualService{}, addressField, func(o client.Object) []string { return addressesOf(o.(*v1alpha1.VirtualService)) }},
		{&v1alpha1.VirtualService{}, markField, func(o client.Object) []string { return marksOf(o.(*v1alpha1.VirtualService)) }},
		{&v1alpha1.ServiceSlice{}, groupField, one(func(o client.Object) string { return o.(*v1alpha1.ServiceSlice).Spec.DirectorGroup })},
		{&v1alpha1.RealServerSlice{}, groupField, one(func(o client.Object) string { return o.(*v1alpha1.RealServerSlice).Spec.DirectorGroup })},
	} {
		if err := indexer.IndexField(ctx, index.object, index.field, index.values); err != nil {
			return fmt.Errorf("index %T by %s: %w", index.object, index.field, err)
		}
	}
	return nil
}

func one(value func(client.Object) string) func(client.Object) []string {
	return func(o client.Object) []string { return []string{value(o)} }
}

// addressesOf are the addresses that the service may want for itself.
func addressesOf(service *v1alpha1.VirtualService) []string {
	var all []string
	if service.Spec.Address != "" {
		all = append(all, string(service.Spec.Address))
	}
	for _, address := range compile.SingleAddresses(service) {
		if address != service.Spec.Address {
			all = append(all, string(address))
		}
	}
	return all
}

// marksOf is the service's firewall mark, if it has one.
func marksOf(service *v1alpha1.VirtualService) []string {
	if service.Spec.FirewallMark == nil {
		return nil
	}
	return []string{strconv.FormatInt(service.Spec.FirewallMark.Mark, 10)}
}
