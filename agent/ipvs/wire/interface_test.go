// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pageOfTheInterface lists what the kernel's header has, with the tests of each.
const pageOfTheInterface = "../../../docs/ipvs-interface.md"

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryTestThatThePageNamesExists(t *testing.T) {
	var sources strings.Builder
	for _, room := range []string{".", "../ipvsnet"} {
		files, err := filepath.Glob(filepath.Join(room, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			sources.WriteString(read(t, file))
		}
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(read(t, pageOfTheInterface), -1)
	if len(names) == 0 {
		t.Fatal("the page names no test")
	}
	for _, name := range names {
		if !strings.Contains(sources.String(), "func "+name[1]+"(") {
			t.Errorf("there is no %s", name[1])
		}
	}
}

func TestThePageListsAllOfTheKernelsHeader(t *testing.T) {
	const header = "/usr/include/linux/ip_vs.h"
	text, err := os.ReadFile(header)
	if err != nil {
		t.Skipf("no kernel headers: %v", err)
	}
	constants := regexp.MustCompile(`(?m)^\t(IPVS_(?:CMD|SVC|DEST|DAEMON|STATS|INFO)_\w+)`).FindAllStringSubmatch(string(text), -1)
	page, listed := read(t, pageOfTheInterface), 0
	for _, constant := range constants {
		if strings.HasSuffix(constant[1], "_UNSPEC") {
			continue
		}
		listed++
		if !strings.Contains(page, "| `"+constant[1]+"` |") {
			t.Errorf("%s is not on the page", constant[1])
		}
	}
	// 17 commands, and attributes of messages, services, destinations, daemons, statistics and of the whole.
	if want := 17 + 6 + 12 + 15 + 8 + 11 + 2; listed < want {
		t.Errorf("%d constants found in %s, want at least %d", listed, header, want)
	}
}
