// SPDX-License-Identifier: Apache-2.0

package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// documents are those that name the tests which hold what they say, with the rooms of these tests.
var documents = map[string][]string{
	"docs/design/bad-links.md":       {"agent/vrrp/vrrpnet"},
	"docs/design/connection-sync.md": {"agent/connections", "agent/connections/connectionsnet", "agent/ipvs/ipvsnet"},
	"docs/design/moving-together.md": {"agent", "agent/vrrp"},
	"docs/design/nftables.md":        {"agent/kernel"},
	"docs/design/virtual-mac.md":     {"agent/kernel", "agent/plan", "agent/vrrp/vrrpnet"},
	"docs/design/witness.md":         {"agent", "agent/report", "controllers/rollup", "test/api"},
	"docs/health-checks.md":          {"test/checkers"},
	"docs/ipvs-interface.md":         {"agent/ipvs/wire", "agent/ipvs/ipvsnet"},
	"docs/rfc.md": {
		"agent", "agent/desired", "agent/kernel", "agent/plan", "agent/vrrp", "agent/vrrp/vrrpnet", "controllers/rollup", "test/api",
	},
	"docs/schedulers.md": {"test/schedulers"},
}

// stories are where the stories are that a document names, by their files.
var stories = map[string]string{"docs/rfc.md": "agent/vrrp/testdata"}

var (
	testName  = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	storyName = regexp.MustCompile("`([a-z0-9]+[.]txt)`")
)

func TestEveryTestThatADocumentNamesExists(t *testing.T) {
	for document, rooms := range documents {
		text := read(t, document)
		named := testName.FindAllStringSubmatch(text, -1)
		if len(named) == 0 {
			t.Errorf("%s names no test", document)
		}
		sources := tests(t, rooms)
		for _, name := range named {
			if !strings.Contains(sources, "func "+name[1]+"(") {
				t.Errorf("%s names %s, which is not in %s", document, name[1], strings.Join(rooms, ", "))
			}
		}
	}
}

func TestEveryDocumentThatNamesTestsIsHeldToThem(t *testing.T) {
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ os.DirEntry, err error) error {
		document := strings.TrimPrefix(path, root+"/")
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		if _, held := documents[document]; !held && testName.MatchString(read(t, document)) {
			t.Errorf("%s names tests and is not in the list of documents", document)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryStoryIsNamedAndEveryOneNamedExists(t *testing.T) {
	for document, folder := range stories {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.txt"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no stories in %s: %v", folder, err)
		}
		var exist, named []string
		for _, file := range files {
			exist = append(exist, filepath.Base(file))
		}
		for _, name := range storyName.FindAllStringSubmatch(read(t, document), -1) {
			named = append(named, name[1])
			if !slices.Contains(exist, name[1]) {
				t.Errorf("%s names %s, which is not in %s", document, name[1], folder)
			}
		}
		for _, file := range exist {
			if !slices.Contains(named, file) {
				t.Errorf("%s does not name %s of %s", document, file, folder)
			}
		}
	}
}

// tests is the text of all tests of the rooms, one after the other.
func tests(t *testing.T, rooms []string) string {
	t.Helper()
	var all strings.Builder
	for _, room := range rooms {
		files, err := filepath.Glob(filepath.Join(root, room, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no tests in %s: %v", room, err)
		}
		for _, file := range files {
			all.WriteString(read(t, strings.TrimPrefix(file, root+"/")))
		}
	}
	return all.String()
}

// read is the text of a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
