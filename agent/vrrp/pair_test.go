// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// link joins directors by a pure network that loses nothing and delivers after the same delay, as real bytes.
type link struct {
	t         *testing.T
	now       time.Time
	delay     time.Duration
	directors []*director
	flying    []packet
	announced int
	// cut loses everything.
	cut bool
}

type director struct {
	*vrrp.Instance
	alive bool
	// changed and announced are when it did that last.
	changed, announced time.Time
}

type packet struct {
	at   time.Time
	from *director
	data []byte
}

func (l *link) act(d *director, actions vrrp.Actions) {
	send := func(a vrrp.Advertisement) {
		data, err := a.AppendBinary(nil, d.Config().Source, vrrp.Group(master))
		if err != nil {
			l.t.Fatal(err)
		}
		l.flying = append(l.flying, packet{l.now.Add(l.delay), d, data})
	}
	if actions.Has(vrrp.Advertise) {
		send(d.Advertisement())
	}
	if actions.Has(vrrp.Resign) {
		send(d.Resignation())
	}
	if actions.Has(vrrp.Transition) {
		d.changed = l.now
	}
	if actions.Has(vrrp.Announce) {
		l.announced++
		d.announced = l.now
	}
}

func (l *link) deliver(p packet) {
	source := p.from.Config().Source
	for _, d := range l.directors {
		if d == p.from || !d.alive || l.cut {
			continue
		}
		var a vrrp.Advertisement
		if err := a.Parse(p.data, vrrp.Envelope{Source: source, Destination: vrrp.Group(master), TTL: vrrp.TTL}); err != nil {
			l.t.Fatal(err)
		}
		actions, err := d.Receive(l.now, source, &a)
		if err != nil {
			l.t.Fatal(err)
		}
		l.act(d, actions)
	}
}

// run plays all that happens within the duration: packets before timers, as the runner does it.
func (l *link) run(d time.Duration) {
	end := l.now.Add(d)
	for events := 0; ; events++ {
		if events > 100000 {
			l.t.Fatal("the directors never come to rest")
		}
		next := end
		var due *director
		for _, d := range l.directors {
			if at := d.Deadline(); d.alive && !at.IsZero() && at.Before(next) {
				next, due = at, d
			}
		}
		if len(l.flying) > 0 && !l.flying[0].at.After(next) {
			p := l.flying[0]
			l.flying = l.flying[1:]
			l.now = p.at
			l.deliver(p)
			continue
		}
		l.now = next
		if due == nil {
			return
		}
		l.act(due, due.Tick(l.now))
	}
}

func (l *link) actives() (n int, who *director) {
	for _, d := range l.directors {
		if d.alive && d.State() == vrrp.Active {
			n, who = n+1, d
		}
	}
	return n, who
}

// better is the order of RFC 9568 section 6.4.3.
func better(a, b *director) *director {
	p, q := a.Config(), b.Config()
	if p.Priority > q.Priority || p.Priority == q.Priority && q.Source.Less(p.Source) {
		return a
	}
	return b
}

// randomPair are two directors of one virtual router, in all that may differ between them.
func randomPair(t *testing.T, r *rand.Rand) (*link, time.Duration) {
	l := &link{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), delay: time.Duration(r.IntN(1000)) * time.Microsecond}
	version := vrrp.Version(2 + r.IntN(2))
	interval := time.Duration(1+r.IntN(5)) * time.Second
	longest := time.Duration(0)
	for i := range 2 {
		if version == vrrp.Version3 {
			interval = time.Duration(1+r.IntN(100)) * 10 * time.Millisecond
		}
		longest = max(longest, interval)
		c := vrrp.Config{Version: version, VRID: 66, Priority: uint8(1 + r.IntN(255)), Interval: interval, Preempt: r.IntN(2) == 0,
			Addresses: vips, Source: netip.AddrFrom4([4]byte{192, 0, 2, byte(112 + 2*i)})}
		if i == 1 && r.IntN(4) == 0 {
			c.Priority = l.directors[0].Config().Priority
		}
		instance, err := vrrp.NewInstance(c)
		if err != nil {
			t.Fatal(err)
		}
		l.directors = append(l.directors, &director{Instance: instance, alive: true})
	}
	return l, 4*max(longest, time.Second) + 10*l.delay
}

// RFC 9568 sections 6.1 and 6.4: whatever two directors are, in four intervals there is exactly one Active, and it is
// the better one where the better one may preempt. After the Active's death the other one is Active in its
// Active_Down_Interval, after its Shutdown in its Skew_Time.
func TestTwoDirectorsAlwaysAgree(t *testing.T) {
	for seed := range uint64(2000) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 66))
			l, bound := randomPair(t, r)
			a, b := l.directors[0], l.directors[1]
			l.act(a, a.Start(l.now, r.IntN(3) == 0))
			l.run(time.Duration(r.Int64N(int64(bound))))
			l.act(b, b.Start(l.now, r.IntN(3) == 0))
			l.run(2 * bound)

			n, active := l.actives()
			if n != 1 {
				t.Fatalf("%d Actives: %+v %+v", n, a.Config(), b.Config())
			}
			best := better(a, b)
			if active != best && best.Config().Preempt && a.Config().Priority != b.Config().Priority {
				t.Fatalf("%s is Active, but %s may preempt it", active.Config().Source, best.Config().Source)
			}
			l.agreeAfterLoss(r, active)
		})
	}
}

func (l *link) agreeAfterLoss(r *rand.Rand, active *director) {
	other := l.directors[0]
	if active == other {
		other = l.directors[1]
	}
	c, heard := other.Config(), active.Config().Interval
	skewed := heard
	if c.Version == vrrp.Version2 {
		skewed = time.Second
	}
	wait := time.Duration(256-int(c.Priority)) * skewed / 256
	if r.IntN(2) == 0 {
		active.alive = false
		wait += 3 * heard
	} else {
		l.act(active, active.Shutdown(l.now))
	}
	l.run(wait + 2*l.delay + 1)
	if n, who := l.actives(); n != 1 || who != other {
		l.t.Fatalf("%d Actives %s after the other one left", n, wait)
	}
	// The network brings a second Active back, as after a split: one answer each, and one of them yields.
	split := l.announced
	active.alive = true
	active.Shutdown(l.now)
	l.act(active, active.Start(l.now, true))
	l.run(10*l.delay + 1)
	if n, who := l.actives(); n != 1 || who != better(active, other) {
		l.t.Fatalf("%d Actives after the split was healed, want the better one", n)
	}
	if l.announced-split > 2 {
		l.t.Fatalf("%d announcements to heal one split", l.announced-split)
	}
}

// Two that were cut from each other are both Active. Whoever speaks first when the link is whole again, the better one stays, and announces
// once the other one is Backup, for hosts may have learnt that one's MAC address until then. It does so before that one's address is gone.
func TestAfterASplitTheOneThatStaysAnnouncesLast(t *testing.T) {
	for seed := range uint64(2000) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 9568))
			l, bound := randomPair(t, r)
			l.cut = true
			for _, d := range l.directors {
				l.act(d, d.Start(l.now, true))
				l.run(time.Duration(r.Int64N(int64(bound))))
			}
			l.cut = false
			l.run(bound)
			n, active := l.actives()
			stays := better(l.directors[0], l.directors[1])
			if n != 1 || active != stays {
				t.Fatalf("%d Actives, want %s alone", n, stays.Config().Source)
			}
			for _, d := range l.directors {
				if after := stays.announced.Sub(d.changed); d != stays && (after < 0 || after > 250*time.Millisecond+2*l.delay) {
					t.Errorf("%s announced last %s after %s had yielded", stays.Config().Source, after, d.Config().Source)
				}
			}
		})
	}
}

func TestTheStateMachineAllocatesNothing(t *testing.T) {
	for _, c := range []vrrp.Config{tutorial(), fast()} {
		instance, err := vrrp.NewInstance(c)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		peer := instance.Advertisement()
		peer.Priority = 99
		foreign := peer
		foreign.VRID = 1
		room := make([]byte, 0, 2048)
		round := func() {
			now = now.Add(c.Interval)
			instance.Tick(now)
			_, _ = instance.Receive(now, brucelee, &peer)
			_, _ = instance.Receive(now, brucelee, &foreign)
			a := instance.Advertisement()
			_, _ = a.AppendBinary(room, master, vrrp.Group(master))
		}
		instance.Start(now, false)
		if n := testing.AllocsPerRun(100, round); n != 0 {
			t.Errorf("version %d: %v allocations a round", c.Version, n)
		}
		if instance.State() != vrrp.Active {
			t.Errorf("version %d: %s after 100 rounds, want Active", c.Version, instance.State())
		}
	}
}
