// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// pageOfTheInterface lists what the kernel's header has, with the tests of each; that these exist, test/house sees to.
const pageOfTheInterface = "../../../docs/ipvs-interface.md"

func TestThePageListsAllOfTheKernelsHeader(t *testing.T) {
	const header = "/usr/include/linux/ip_vs.h"
	text, err := os.ReadFile(header)
	if err != nil {
		t.Skipf("no kernel headers: %v", err)
	}
	constants := regexp.MustCompile(`(?m)^\t(IPVS_(?:CMD|SVC|DEST|DAEMON|STATS|INFO)_\w+)`).FindAllStringSubmatch(string(text), -1)
	page, err := os.ReadFile(pageOfTheInterface)
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for _, constant := range constants {
		if strings.HasSuffix(constant[1], "_UNSPEC") {
			continue
		}
		listed++
		if !strings.Contains(string(page), "| `"+constant[1]+"` |") {
			t.Errorf("%s is not on the page", constant[1])
		}
	}
	// 17 commands, and attributes of messages, services, destinations, daemons, statistics and of the whole.
	if want := 17 + 6 + 12 + 15 + 8 + 11 + 2; listed < want {
		t.Errorf("%d constants found in %s, want at least %d", listed, header, want)
	}
}
