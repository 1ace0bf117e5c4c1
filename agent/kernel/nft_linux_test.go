// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// randomRules are rules of every shape, in canonical form.
func randomRules(random *rand.Rand, count int) []mark.Rule {
	var rules []mark.Rule
	for range count {
		rule := mark.Rule{
			Mark: random.Uint32() | 1, Family: []ipvs.Family{ipvs.IPv4, ipvs.IPv6}[random.IntN(2)],
			Protocol:  []ipvs.Protocol{0, ipvs.TCP, ipvs.UDP, ipvs.SCTP}[random.IntN(4)],
			Interface: []string{"", "eth0"}[random.IntN(2)],
		}
		rule.Destinations = randomNetworks(random, rule.Family, 1+random.IntN(6))
		if rule.VirtualIPs = random.IntN(2) == 0; rule.VirtualIPs {
			for i, network := range rule.Destinations {
				rule.Destinations[i] = netip.PrefixFrom(network.Addr(), network.Addr().BitLen())
			}
		}
		rule.Sources = randomNetworks(random, rule.Family, random.IntN(4))
		for range random.IntN(4) * int(min(rule.Protocol, 1)) {
			first := uint16(random.IntN(65536))
			last := first + uint16(random.IntN(65536-int(first)))*uint16(random.IntN(2))
			rule.Ports = append(rule.Ports, mark.PortRange{First: first, Last: last})
		}
		rules = append(rules, rule)
	}
	return mark.Canonical(rules)
}

func randomNetworks(random *rand.Rand, family ipvs.Family, count int) []netip.Prefix {
	first := family.Unspecified().AsSlice()
	var networks []netip.Prefix
	for range count {
		// Near one another, and at both ends, so that some touch.
		first[0] = []byte{0, 32, 192, 255}[random.IntN(4)]
		first[len(first)-1] = []byte{0, 1, 2, 254, 255}[random.IntN(5)]
		address, _ := netip.AddrFromSlice(first)
		bits := []int{0, 1, 8, 24, address.BitLen() - 1, address.BitLen(), address.BitLen()}[random.IntN(7)]
		networks = append(networks, netip.PrefixFrom(address, bits).Masked())
	}
	return networks
}

func TestEveryRuleIsReadAsItWasWritten(t *testing.T) {
	for _, rule := range randomRules(rand.New(rand.NewPCG(1, 2)), 3000) {
		if err := rule.Validate(); err != nil {
			t.Fatal(err)
		}
		if read, ours := decodeRule(encodeRule(rule)); !ours || !read.Equal(rule) {
			t.Fatalf("%s\nis read as\n%s, %v", rule, read, ours)
		}
	}
}

func TestStepThatIsChangedMakesAnotherRuleOrNone(t *testing.T) {
	for _, rule := range randomRules(rand.New(rand.NewPCG(3, 4)), 200) {
		steps := encodeRule(rule)
		for i := range steps {
			for what, changed := range changes(steps, i) {
				if read, ours := decodeRule(changed); ours && read.Equal(rule) {
					t.Errorf("step %d (%s) %s, and still read as\n%s", i, steps[i].name, what, rule)
				}
			}
		}
	}
}

// changes are what may be done by hand to one step of a rule.
func changes(steps []expression, at int) map[string][]expression {
	changed := map[string][]expression{
		"left out":   slices.Delete(slices.Clone(steps), at, at+1),
		"twice":      slices.Insert(slices.Clone(steps), at, steps[at]),
		"after more": slices.Insert(slices.Clone(steps), at, expression{name: "counter"}),
	}
	for kind, value := range steps[at].attributes {
		other := slices.Clone(value)
		other[len(other)-1] ^= 4
		edited := slices.Clone(steps)
		edited[at].attributes = maps.Clone(steps[at].attributes)
		edited[at].attributes[kind] = other
		changed[fmt.Sprintf("with attribute %d changed", kind)] = edited
	}
	if steps[at].name == "lookup" {
		foreign := slices.Clone(steps)
		foreign[at].elements = slices.Clone(steps[at].elements)
		foreign[at].elements[0].foreign = true
		changed["with an element that ends some time"] = foreign
		inverted := slices.Clone(steps)
		inverted[at].attributes = maps.Clone(steps[at].attributes)
		inverted[at].attributes[unix.NFTA_LOOKUP_FLAGS] = network32(1)
		changed["inverted"] = inverted
	}
	return changed
}

func TestAttributesThatTheKernelAddsAsZeroChangeNothing(t *testing.T) {
	steps := encodeRule(randomRules(rand.New(rand.NewPCG(5, 6)), 1)[0])
	steps[0].attributes[200] = network32(0)
	if _, ours := decodeRule(steps); !ours {
		t.Error("the rule is not ours any more")
	}
}

func FuzzNFTablesAnswersNeverPanic(f *testing.F) {
	rule := randomRules(rand.New(rand.NewPCG(7, 8)), 1)[0]
	steps := nl.NewRtAttr(unix.NFTA_RULE_EXPRESSIONS, nil)
	for _, step := range encodeRule(rule) {
		addStep(steps, step)
	}
	f.Add(steps.Serialize()[unix.SizeofNlAttr:], []byte{})
	elements := elementAttributes([]byte("__set0\x00"), []element{{key: "\xc0\x00\x02\x01"}, {key: "\xc0\x00\x02\x02", flags: 1}})
	f.Add([]byte{}, elements[len(elements)-1].Serialize())
	f.Fuzz(func(t *testing.T, rule, set []byte) {
		held, _ := decodeElements([][]byte{set})
		steps, err := decodeSteps(rule)
		if err != nil {
			return
		}
		for i := range steps {
			steps[i].elements = held
		}
		if read, ours := decodeRule(steps); ours && read.Validate() != nil {
			t.Errorf("a rule that is not valid: %s", read)
		}
	})
}

func TestKernelWithoutNFTablesMattersOnlyToWhoHasMarks(t *testing.T) {
	k := &Kernel{}
	k.marks.nft.open = func() (*nl.SocketHandle, error) { return nil, errNoNFTables }
	if rules, tampered, err := k.readMarks(t.Context()); len(rules) > 0 || tampered || err != nil {
		t.Errorf("read %v, %v, %v", rules, tampered, err)
	}
	if err := k.setMarks(nil); err != nil {
		t.Error(err)
	}
	rules := randomRules(rand.New(rand.NewPCG(9, 10)), 1)
	if err := k.setMarks(rules); !errors.Is(err, errNoNFTables) {
		t.Errorf("written: %v", err)
	}
}

func TestKernelThatGetsNFTablesLaterIsAskedAgain(t *testing.T) {
	opened, loaded := 0, false
	n := nft{open: func() (*nl.SocketHandle, error) {
		opened++
		if !loaded {
			return nil, errNoNFTables
		}
		return &nl.SocketHandle{}, nil
	}}
	if _, err := n.generation(); !errors.Is(err, errNoNFTables) {
		t.Errorf("without the module: %v", err)
	}
	loaded = true
	for range 2 {
		if _, err := n.handle(); err != nil {
			t.Errorf("with the module: %v", err)
		}
	}
	if opened != 2 {
		t.Errorf("opened %d times, want once in vain and once for good", opened)
	}
}

func TestMarksThatCannotBeReadAreNoneAndSayWhy(t *testing.T) {
	broken := errors.New("broken")
	k := &Kernel{}
	k.marks.nft.open = func() (*nl.SocketHandle, error) { return nil, broken }
	actual := plan.Actual{MarksTampered: true, Routes: []ipvs.Family{ipvs.IPv4}}
	k.readPolicy(t.Context(), &actual)
	if !errors.Is(actual.MarksErr, broken) || actual.MarksTampered || len(actual.Marks)+len(actual.Routes)+len(actual.Rules) > 0 {
		t.Errorf("read %+v", actual)
	}
}
