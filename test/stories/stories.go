// SPDX-License-Identifier: Apache-2.0

// Package stories lists the stories that `make test-e2e` plays, and finds one by its name.
package stories

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvs-operator/lvs-operator/test/stage"
	"github.com/lvs-operator/lvs-operator/test/stories/cachecluster"
	"github.com/lvs-operator/lvs-operator/test/stories/connectionsync"
	"github.com/lvs-operator/lvs-operator/test/stories/elections"
	"github.com/lvs-operator/lvs-operator/test/stories/ftp"
	"github.com/lvs-operator/lvs-operator/test/stories/health"
	"github.com/lvs-operator/lvs-operator/test/stories/sandwich"
	"github.com/lvs-operator/lvs-operator/test/tutorial"
)

// All are the stories, in the order in which they are played.
func All() []stage.Story {
	return []stage.Story{
		tutorial.Story(), cachecluster.Story(), connectionsync.Story(), elections.Story(), sandwich.Story(), ftp.Story(), health.Story(),
	}
}

// Find returns the story of that name.
func Find(name string) (stage.Story, error) {
	var names []string
	for _, story := range All() {
		if story.Name == name {
			return story, nil
		}
		names = append(names, story.Name)
	}
	return stage.Story{}, fmt.Errorf("there is no story %q; the stories are %s", name, strings.Join(names, ", "))
}

// Packages are the sets of hack/packages.sh that the stories need, each once.
func Packages() []string {
	var packages []string
	for _, story := range All() {
		packages = append(packages, story.Packages...)
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}
