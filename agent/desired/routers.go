// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// routerKey is the identity of a virtual router on a link.
type routerKey struct {
	link string
	vrid uint8
}

// routerCandidate is a virtual router that goes in unless another one has its key.
type routerCandidate struct {
	group  string
	router Router
	// kept says that this is the form of the previous Node.
	kept bool
}

// secretMissing is the name of a Secret without a password.
type secretMissing string

func (s secretMissing) Error() string {
	return "no password; create in the operator's namespace the Secret " + string(s) + " with the key " +
		v1alpha1.PasswordKey + ", the same 1 to 8 bytes for all directors"
}

// groupRouters makes candidates of the virtual routers of a group. One that cannot be built goes on in its previous form: to
// end it would take its addresses from the link.
func (b *nodeBuilder) groupRouters(part v1alpha1.NodeDirectorGroup) {
	previous, _ := b.previous.group(part.Name)
	for _, compiled := range part.VirtualRouters {
		if len(compiled.Addresses) == 0 {
			continue
		}
		router, err := b.router(compiled)
		if err == nil {
			b.routers = append(b.routers, routerCandidate{group: part.Name, router: router})
			continue
		}
		kept, found := b.keptRouter(previous, compiled)
		if found {
			b.routers = append(b.routers, routerCandidate{group: part.Name, router: kept, kept: true})
			err = fmt.Errorf("%w; until that is mended it runs in its previous form", err)
		}
		b.routerProblem(part.Name, compiled.Interface, compiled.VirtualRouterID, err)
	}
}

func (b *nodeBuilder) routerProblem(group, link string, vrid int32, err error) {
	reason := v1alpha1.ProblemInvalid
	if missing := secretMissing(""); errors.As(err, &missing) {
		reason = v1alpha1.ProblemSecretMissing
	}
	b.problem(reason, group, fmt.Sprintf("virtual router %d on %s: %s", vrid, link, err))
}

// router builds one virtual router.
func (b *nodeBuilder) router(compiled v1alpha1.VirtualRouter) (Router, error) {
	router, err := parseRouter(compiled)
	if err != nil {
		return Router{}, err
	}
	if authentication := compiled.Authentication; authentication != nil {
		router.Secret = authentication.SecretRef.Name
		router.Config.Password = vrrp.NewPassword(b.passwords[router.Secret])
		if router.Config.Password.IsZero() {
			return Router{}, secretMissing(router.Secret)
		}
	}
	return router, router.Config.Validate()
}

// keptRouter is the virtual router in its previous form, if it has one. Its password is its Secret's if that has one that
// can be used, and else the previous one: so all routers of a Node that name one Secret have one password, and one whose
// other fields are at fault still follows the other directors.
func (b *nodeBuilder) keptRouter(previous Group, compiled v1alpha1.VirtualRouter) (Router, bool) {
	at := slices.IndexFunc(previous.Routers, func(r Router) bool {
		return r.Interface == compiled.Interface && int32(r.Config.VRID) == compiled.VirtualRouterID
	})
	if at < 0 {
		return Router{}, false
	}
	kept := previous.Routers[at]
	if kept.Secret != "" {
		renewed := kept.Config
		renewed.Password = vrrp.NewPassword(b.passwords[kept.Secret])
		if !renewed.Password.IsZero() && renewed.Validate() == nil {
			kept.Config = renewed
		}
	}
	return kept, true
}

// placeRouters gives each group its virtual routers. The first of two candidates with one key stays.
func (b *nodeBuilder) placeRouters(groups []Group) {
	slices.SortStableFunc(b.routers, func(a, c routerCandidate) int {
		return cmp.Or(compareBool(a.kept, c.kept), cmp.Compare(a.group, c.group))
	})
	placed := map[string][]Router{}
	taken := map[routerKey]string{}
	for _, candidate := range b.routers {
		key := routerKey{candidate.router.Interface, candidate.router.Config.VRID}
		if other, exists := taken[key]; exists {
			b.routerProblem(candidate.group, key.link, int32(key.vrid),
				fmt.Errorf("director group %s has this router id there; give one of the two another", other))
			continue
		}
		taken[key] = candidate.group
		placed[candidate.group] = append(placed[candidate.group], candidate.router)
	}
	for i := range groups {
		groups[i].Routers = placed[groups[i].Name]
		slices.SortFunc(groups[i].Routers, func(a, c Router) int {
			return cmp.Or(cmp.Compare(a.Interface, c.Interface), cmp.Compare(a.Config.VRID, c.Config.VRID))
		})
	}
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
	peers, peerErr := parseAddresses(compiled.UnicastAddresses)
	announcements, announcementsErr := parseAnnouncements(compiled.Announcements)
	if err := cmp.Or(vridErr, priorityErr, versionErr, addressErr, peerErr, announcementsErr); err != nil {
		return Router{}, err
	}
	list, err := pinned(vrid, addresses, compiled.AdvertisedAddresses)
	if err != nil {
		return Router{}, err
	}
	return Router{Interface: compiled.Interface, MoveTogether: compiled.MoveTogether, Lowered: compiled.Lowered, Closed: compiled.Closed, Unadvertised: list.riding, Uncarried: list.uncarried, Config: vrrp.Config{
		Version: vrrp.Version(version), VRID: vrid, Priority: priority,
		Interval: compiled.AdvertisementInterval.Duration, Preempt: compiled.Preempt,
		PreemptDelay: duration(compiled.PreemptDelay), Waits: compiled.MoveTogether != "",
		Addresses: list.advertised, Peers: peers, Announcements: announcements,
		VirtualMAC:    compiled.VirtualMAC,
		PlainChecksum: compiled.Checksum == v1alpha1.ChecksumWithoutPseudoHeader,
	}}, nil
}

// parseAnnouncements converts what is there; zeros are the defaults.
func parseAnnouncements(compiled *v1alpha1.Announcements) (vrrp.Announcements, error) {
	if compiled == nil {
		return vrrp.Announcements{}, nil
	}
	repeat, err := toUint8("repetitions of announcements", compiled.Repeat)
	return vrrp.Announcements{Repeat: repeat, Delay: compiled.Delay.Duration, Refresh: duration(compiled.Refresh)}, err
}

func duration(d *metav1.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return d.Duration
}

func toUint8(name string, value int32) (uint8, error) {
	if value < 0 || value > math.MaxUint8 {
		return 0, fmt.Errorf("%s %d: want 0 to 255", name, value)
	}
	return uint8(value), nil
}
