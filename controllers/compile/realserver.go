// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// compilePools places the real servers of every pool that a served service uses, and returns the slices and, a pool, how
// its complete set is recognised.
func (w *world) compilePools(g string, previous []*v1alpha1.RealServerSlice) ([]v1alpha1.RealServerSlice, map[types.NamespacedName]v1alpha1.PoolSet) {
	stood := previousRealServers(g, previous)
	sets := map[types.NamespacedName]v1alpha1.PoolSet{}
	var all []v1alpha1.RealServerSlice
	for _, service := range w.served {
		key := poolKey(service.VirtualService)
		if _, done := sets[key]; done {
			continue
		}
		made := realServerSlices(g, w.pools[key], stood[key])
		sets[key] = setOf(key, made)
		all = append(all, made...)
	}
	slices.SortFunc(all, func(a, b v1alpha1.RealServerSlice) int { return cmp.Compare(a.Name, b.Name) })
	return all, sets
}

func setOf(pool types.NamespacedName, made []v1alpha1.RealServerSlice) v1alpha1.PoolSet {
	names := make([]string, 0, len(made))
	for _, slice := range made {
		names = append(names, slice.Name)
	}
	return v1alpha1.PoolSet{
		Namespace: pool.Namespace,
		Name:      pool.Name,
		Slices:    int32(len(made)), // 4096 members at most
		Hash:      v1alpha1.SetHash(names),
	}
}

func realServerSlices(g string, pool *v1alpha1.RealServerPool, stood placement) []v1alpha1.RealServerSlice {
	members := make(map[string]v1alpha1.Member, len(pool.Spec.Members))
	for _, member := range pool.Spec.Members {
		members[string(member.Address)] = member
	}
	stem := realServerStem(g, keyOf(pool))
	placed := place(stood, sortedKeys(members), v1alpha1.MaxRealServersPerSlice)
	out := make([]v1alpha1.RealServerSlice, 0, len(placed))
	for _, ordinal := range sortedKeys(placed) {
		slice := v1alpha1.RealServerSlice{
			ObjectMeta: sliceMeta(g, sliceName(stem, ordinal)),
			Spec: v1alpha1.RealServerSliceSpec{
				DirectorGroup: g,
				Pool:          v1alpha1.PoolReference{Namespace: pool.Namespace, Name: pool.Name},
				HealthCheck:   compileHealthCheck(pool.Spec.HealthCheck),
			},
		}
		for _, address := range placed[ordinal] {
			slice.Spec.RealServers = append(slice.Spec.RealServers, compileMember(members[address]))
		}
		slices.SortFunc(slice.Spec.RealServers, func(a, b v1alpha1.CompiledRealServer) int {
			return compareAddresses(a.Address, b.Address)
		})
		out = append(out, slice)
	}
	return out
}

func compileMember(member v1alpha1.Member) v1alpha1.CompiledRealServer {
	return v1alpha1.CompiledRealServer{
		Address:          member.Address,
		Port:             or(member.Port, 0),
		Weight:           or(member.Weight, defaultWeight),
		ForwardingMethod: member.ForwardingMethod,
		Tunnel:           compileTunnel(member.Tunnel),
		UpperThreshold:   member.UpperThreshold,
		LowerThreshold:   member.LowerThreshold,
	}
}

func compileHealthCheck(check *v1alpha1.HealthCheck) *v1alpha1.CompiledHealthCheck {
	if check == nil {
		return nil
	}
	return &v1alpha1.CompiledHealthCheck{
		Interval:    orDuration(check.Interval, defaultCheckInterval),
		Timeout:     orDuration(check.Timeout, defaultCheckTimeout),
		Retries:     or(check.Retries, defaultCheckRetries),
		RetryDelay:  or(check.RetryDelay, metav1.Duration{Duration: defaultCheckRetryDelay}),
		Rise:        cmp.Or(check.Rise, defaultCheckRise),
		FlapDamping: check.FlapDamping,
		Port:        check.Port,
		Via:         cmp.Or(check.Via, v1alpha1.ViaRealServer),
		TCP:         check.TCP,
		HTTP:        compileHTTPCheck(check.HTTP),
		UDP:         compileUDPCheck(check.UDP),
		SMTP:        compileSMTPCheck(check.SMTP),
		DNS:         compileDNSCheck(check.DNS),
		Ping:        check.Ping,
		TLS:         check.TLS,
		GRPC:        check.GRPC,
	}
}

func compileHTTPCheck(check *v1alpha1.HTTPCheck) *v1alpha1.CompiledHTTPCheck {
	if check == nil {
		return nil
	}
	compiled := &v1alpha1.CompiledHTTPCheck{
		Method: cmp.Or(check.Method, "GET"), Path: cmp.Or(check.Path, "/"), Host: check.Host, BodyRegex: check.BodyRegex, WeightFrom: check.WeightFrom,
		TLS: compileHTTPS(check.TLS, check.Host), Version: cmp.Or(check.Version, v1alpha1.HTTP11),
	}
	for _, header := range check.Headers {
		compiled.Headers = append(compiled.Headers, v1alpha1.CompiledHTTPHeader(header))
	}
	statuses := make([]string, 0, len(check.Statuses))
	for _, one := range check.Statuses {
		statuses = append(statuses, string(one))
	}
	compiled.Statuses = strings.Join(statuses, ",")
	return compiled
}

func previousRealServers(g string, previous []*v1alpha1.RealServerSlice) map[types.NamespacedName]placement {
	stood := map[types.NamespacedName]placement{}
	for _, slice := range previous {
		pool := types.NamespacedName{Namespace: slice.Spec.Pool.Namespace, Name: slice.Spec.Pool.Name}
		ordinal, ok := sliceOrdinal(realServerStem(g, pool), slice.Name)
		if !ok || slice.Spec.DirectorGroup != g {
			continue
		}
		if stood[pool] == nil {
			stood[pool] = placement{}
		}
		for _, server := range slice.Spec.RealServers {
			stood[pool][ordinal] = append(stood[pool][ordinal], string(server.Address))
		}
	}
	return stood
}

// realServerStem is the stem of the names of a pool's slices: the group's name and the first 5 bytes of a hash of group
// and pool, so that a name stays under a Kubernetes name's 253 characters however long the pool's is.
func realServerStem(g string, pool types.NamespacedName) string {
	sum := sha256.Sum256([]byte(g + "\n" + pool.String()))
	return g + "-" + hex.EncodeToString(sum[:5])
}
