// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// Passwords is the text of each VRRP password by the name of its Secret. Neither fmt nor encoding/json nor a logger that
// uses them shows the texts.
type Passwords map[string]string

// Format hides the texts from every verb of fmt.
func (p Passwords) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(p.hidden())) }

// MarshalJSON hides the texts.
func (p Passwords) MarshalJSON() ([]byte, error) { return json.Marshal(p.hidden()) }

func (p Passwords) hidden() string { return fmt.Sprintf("%d passwords (redacted)", len(p)) }

// Passwords are those of the node's virtual routers, by Secret: what WithPasswords needs to put them back. A router that
// goes on after its Secret was deleted still has its password.
func (n Node) Passwords() Passwords {
	used := Passwords{}
	for _, group := range n.Groups {
		for _, router := range group.Routers {
			if !router.Config.Password.IsZero() {
				used[router.Secret] = router.Config.Password.Reveal()
			}
		}
	}
	return used
}

// WithPasswords is the node with the password of every router that names a Secret. It fails for a Secret that is not among
// them, since a router that runs without its password splits the group.
func (n Node) WithPasswords(passwords Passwords) (Node, error) {
	n.Groups = slices.Clone(n.Groups)
	for i := range n.Groups {
		routers := slices.Clone(n.Groups[i].Routers)
		for j, router := range routers {
			if router.Secret == "" {
				continue
			}
			text, ok := passwords[router.Secret]
			if !ok {
				return Node{}, fmt.Errorf("virtual router %d on %s: the password of Secret %s is missing",
					router.Config.VRID, router.Interface, router.Secret)
			}
			routers[j].Config.Password = vrrp.NewPassword(text)
		}
		n.Groups[i].Routers = routers
	}
	return n, nil
}

// encodedRouter is a Router in JSON: all but the password and the source.
type encodedRouter struct {
	Interface     string             `json:"interface"`
	MoveTogether  string             `json:"moveTogether,omitempty"`
	Lowered       string             `json:"lowered,omitempty"`
	Version       vrrp.Version       `json:"version"`
	VRID          uint8              `json:"virtualRouterID"`
	Priority      uint8              `json:"priority"`
	Interval      time.Duration      `json:"intervalNanoseconds"`
	Preempt       bool               `json:"preempt"`
	PreemptDelay  time.Duration      `json:"preemptDelayNanoseconds,omitempty"`
	Addresses     []netip.Addr       `json:"addresses"`
	Unadvertised  []netip.Addr       `json:"unadvertised,omitempty"`
	Uncarried     []netip.Addr       `json:"uncarried,omitempty"`
	Peers         []netip.Addr       `json:"unicastPeers,omitempty"`
	Announcements vrrp.Announcements `json:"announcements"`
	PlainChecksum bool               `json:"plainChecksum,omitempty"`
	VirtualMAC    bool               `json:"virtualMAC,omitempty"`
	Closed        bool               `json:"closed,omitempty"`
	Secret        string             `json:"secret,omitempty"`
}

// MarshalJSON writes the router without its password.
func (r Router) MarshalJSON() ([]byte, error) {
	c := r.Config
	return json.Marshal(encodedRouter{
		Interface: r.Interface, MoveTogether: r.MoveTogether, Lowered: r.Lowered, Version: c.Version, VRID: c.VRID, Priority: c.Priority, Interval: c.Interval, Preempt: c.Preempt,
		PreemptDelay: c.PreemptDelay, Addresses: c.Addresses, Unadvertised: r.Unadvertised, Uncarried: r.Uncarried, Peers: c.Peers,
		Announcements: c.Announcements, PlainChecksum: c.PlainChecksum, VirtualMAC: c.VirtualMAC, Closed: r.Closed, Secret: r.Secret,
	})
}

// UnmarshalJSON reads what MarshalJSON writes; the router has no password then.
func (r *Router) UnmarshalJSON(text []byte) error {
	var e encodedRouter
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	*r = Router{Interface: e.Interface, MoveTogether: e.MoveTogether, Lowered: e.Lowered, Closed: e.Closed, Secret: e.Secret, Unadvertised: e.Unadvertised, Uncarried: e.Uncarried, Config: vrrp.Config{
		Version: e.Version, VRID: e.VRID, Priority: e.Priority, Interval: e.Interval, Preempt: e.Preempt, PreemptDelay: e.PreemptDelay,
		Waits: e.MoveTogether != "", Addresses: e.Addresses, Peers: e.Peers, Announcements: e.Announcements, PlainChecksum: e.PlainChecksum,
		VirtualMAC: e.VirtualMAC,
	}}
	return nil
}
