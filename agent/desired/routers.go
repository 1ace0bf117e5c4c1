// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// routerKey is the identity of a virtual router on a link.
type routerKey struct {
	link string
	vrid uint8
}

// groupRouters builds the virtual routers of a group.
func (b *builder) groupRouters(part v1alpha1.NodeDirectorGroup) []Router {
	var routers []Router
	for _, compiled := range part.VirtualRouters {
		if len(compiled.Addresses) == 0 {
			continue
		}
		if router, ok := b.router(part.Name, compiled); ok {
			routers = append(routers, router)
		}
	}
	slices.SortFunc(routers, func(a, c Router) int {
		return cmp.Or(cmp.Compare(a.Interface, c.Interface), cmp.Compare(a.Config.VRID, c.Config.VRID))
	})
	return routers
}

// router builds one virtual router; false: it is left out, and there is a problem.
func (b *builder) router(group string, compiled v1alpha1.VirtualRouter) (Router, bool) {
	what := fmt.Sprintf("virtual router %d on %s", compiled.VirtualRouterID, compiled.Interface)
	router, err := parseRouter(compiled)
	if err != nil {
		b.problem(v1alpha1.ProblemInvalid, group, "", what+": "+err.Error())
		return Router{}, false
	}
	if authentication := compiled.Authentication; authentication != nil {
		router.Secret = authentication.SecretRef.Name
		text := b.in.Passwords[router.Secret]
		if text == "" {
			b.problem(v1alpha1.ProblemSecretMissing, group, "", what+": no password; create in the operator's namespace the "+
				"Secret "+router.Secret+" with the key "+v1alpha1.PasswordKey+", the same 1 to 8 bytes for all directors")
			return Router{}, false
		}
		router.Config.Password = vrrp.NewPassword(text)
	}
	if err := router.Config.Validate(); err != nil {
		b.problem(v1alpha1.ProblemInvalid, group, "", what+": "+err.Error())
		return Router{}, false
	}
	key := routerKey{router.Interface, router.Config.VRID}
	if other, taken := b.routers[key]; taken {
		b.problem(v1alpha1.ProblemInvalid, group, "", what+": director group "+other+
			" has this router id there; give one of the two another")
		return Router{}, false
	}
	if b.routers == nil {
		b.routers = map[routerKey]string{}
	}
	b.routers[key] = group
	return router, true
}

// parseRouter converts what can be converted without the password; vrrp.Config.Validate judges the rest.
func parseRouter(compiled v1alpha1.VirtualRouter) (Router, error) {
	if n := len(compiled.Interface); n == 0 || n > 15 {
		return Router{}, fmt.Errorf("interface %q: want a name of 1 to 15 bytes", compiled.Interface)
	}
	vrid, vridErr := toUint8("virtual router id", compiled.VirtualRouterID)
	priority, priorityErr := toUint8("priority", compiled.Priority)
	version, versionErr := toUint8("version", compiled.Version)
	addresses, addressErr := parseAddresses(compiled.Addresses)
	if err := cmp.Or(vridErr, priorityErr, versionErr, addressErr); err != nil {
		return Router{}, err
	}
	return Router{Interface: compiled.Interface, Config: vrrp.Config{
		Version: vrrp.Version(version), VRID: vrid, Priority: priority,
		Interval: compiled.AdvertisementInterval.Duration, Preempt: compiled.Preempt, Addresses: addresses,
	}}, nil
}

func toUint8(name string, value int32) (uint8, error) {
	if value < 0 || value > math.MaxUint8 {
		return 0, fmt.Errorf("%s %d: want 0 to 255", name, value)
	}
	return uint8(value), nil
}
