// SPDX-License-Identifier: Apache-2.0

package allocate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestADirectorKeepsItsPlaceWhoeverComesAndGoes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var places []string
	for step := range 1000 {
		var directors []string
		for i := range 20 {
			if random.IntN(3) > 0 {
				directors = append(directors, fmt.Sprint("d", i))
			}
		}
		next := Places("edge", places, directors)
		for i, director := range places {
			if slices.Contains(directors, director) && next[i] != director {
				t.Fatalf("step %d: %s had place %d of %v, now they are %v", step, director, i, places, next)
			}
		}
		for _, director := range directors {
			if !slices.Contains(next, director) {
				t.Fatalf("step %d: %s has no place among %v", step, director, next)
			}
		}
		places = next
	}
	if len(places) > 20 {
		t.Errorf("%d places for 20 directors that never were more", len(places))
	}
}

func TestADirectorThatIsGoneHasItsPlaceBackUnlessANewOneCame(t *testing.T) {
	three := Places("edge", nil, []string{"d1", "d2", "d3"})
	two := Places("edge", three, []string{"d1", "d2"})
	if back := Places("edge", two, []string{"d1", "d2", "d3"}); !slices.Equal(back, three) {
		t.Errorf("places %v became %v", three, back)
	}
	if other := Places("edge", two, []string{"d1", "d2", "d4"}); slices.Index(other, "d4") != slices.Index(three, "d3") {
		t.Errorf("places %v: the new director has not that of d3, of %v", other, three)
	}
}

func TestGroupsPreferDifferentDirectors(t *testing.T) {
	first := map[string]int{}
	for i := range 300 {
		first[Places(fmt.Sprint("group-", i), nil, []string{"d1", "d2", "d3"})[0]]++
	}
	for _, director := range []string{"d1", "d2", "d3"} {
		if n := first[director]; n < 70 || n > 130 {
			t.Errorf("%s has the first place in %d of 300 groups", director, n)
		}
	}
}

func TestThe65thDirectorHasNoPlace(t *testing.T) {
	var directors []string
	for i := range 65 {
		directors = append(directors, fmt.Sprint("d", i))
	}
	if places := Places("edge", nil, directors); len(places) != MaxPlaces {
		t.Errorf("%d places", len(places))
	}
}
