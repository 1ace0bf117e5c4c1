// SPDX-License-Identifier: Apache-2.0

// Package house tests the structure of the code: which room may import which, that the pure rooms stay pure, and that the tests
// which documents name exist. It says nothing about behaviour.
package house

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lvs-operator/lvs-operator"

// pure rooms decide and never act: no logging, metrics, context, goroutines, clock, sockets, netlink or Kubernetes clients.
var pure = []string{
	"agent/checksum", "agent/connections", "agent/desired", "agent/health", "agent/health/check", "agent/ipvs", "agent/ipvs/wire", "agent/mark", "agent/plan",
	"agent/realserver", "agent/serving", "agent/vrrp", "api/v1alpha1", "controllers/allocate", "controllers/compile", "controllers/rollup",
}

// mayImport is what a pure room may import besides other pure rooms. A prefix that ends in / stands for all below it.
var mayImport = []string{
	"bytes", "cmp", "crypto/sha256", "encoding/", "errors", "fmt", "hash/", "iter", "maps", "math", "math/", "net/netip",
	"regexp", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8", "unique",
	// To parse certificates: whom to trust is decided where the connections are.
	"crypto/x509",
	// Types only: these packages hold no client.
	"k8s.io/api/core/v1", "k8s.io/apimachinery/pkg/api/equality", "k8s.io/apimachinery/pkg/api/meta",
	"k8s.io/apimachinery/pkg/apis/meta/v1", "k8s.io/apimachinery/pkg/labels", "k8s.io/apimachinery/pkg/runtime",
	"k8s.io/apimachinery/pkg/runtime/schema", "k8s.io/apimachinery/pkg/types",
}

// clock is what a pure room may not call: time is an argument there.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

func TestPureRoomsImportOnlyWhatDecides(t *testing.T) {
	for room, p := range rooms(t) {
		if !slices.Contains(pure, room) {
			continue
		}
		for _, imported := range p.Imports {
			if own, ok := strings.CutPrefix(imported, module+"/"); ok {
				if !slices.Contains(pure, own) {
					t.Errorf("%s is pure and imports %s, which is not", room, own)
				}
			} else if !allowed(imported) {
				t.Errorf("%s is pure and imports %s", room, imported)
			}
		}
	}
}

func TestPureRoomsHaveNoClockAndNoGoroutine(t *testing.T) {
	for room, p := range rooms(t) {
		if !slices.Contains(pure, room) {
			continue
		}
		for _, name := range p.GoFiles {
			inspect(t, filepath.Join(p.Dir, name), room)
		}
	}
}

func TestEveryPureRoomExists(t *testing.T) {
	known := rooms(t)
	for _, room := range pure {
		if _, ok := known[room]; !ok {
			t.Errorf("%s is listed as pure and does not exist", room)
		}
	}
}

func TestControllersAndAgentMeetOnlyInTheAPI(t *testing.T) {
	for room, p := range rooms(t) {
		for _, imported := range p.Imports {
			own, ok := strings.CutPrefix(imported, module+"/")
			if !ok {
				continue
			}
			if under(room, "controllers") && under(own, "agent") || under(room, "agent") && under(own, "controllers") {
				t.Errorf("%s imports %s: the controller and the agent know each other only through api", room, own)
			}
			if under(room, "api") && !under(own, "api") {
				t.Errorf("%s imports %s: the API stands on nothing of ours", room, own)
			}
			if under(own, "test") && !under(room, "test") && !under(room, "hack") {
				t.Errorf("%s imports %s: the product stands on no test", room, own)
			}
		}
	}
}

func TestTheProductExecsNothing(t *testing.T) {
	for room, p := range rooms(t) {
		if under(room, "test") || under(room, "hack") {
			continue
		}
		if slices.Contains(p.Imports, "os/exec") {
			t.Errorf("%s imports os/exec: the product runs no program of the host", room)
		}
	}
}

func under(room, top string) bool { return room == top || strings.HasPrefix(room, top+"/") }

func allowed(imported string) bool {
	return slices.ContainsFunc(mayImport, func(a string) bool {
		return imported == a || strings.HasSuffix(a, "/") && strings.HasPrefix(imported, a)
	})
}

func inspect(t *testing.T, file, room string) {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s: %s is pure and starts a goroutine", set.Position(n.Pos()), room)
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
				t.Errorf("%s: %s is pure and calls time.%s", set.Position(n.Pos()), room, n.Sel.Name)
			}
		}
		return true
	})
}

// rooms lists the packages of this module, by their path in it.
func rooms(t *testing.T) map[string]listed {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,Imports", module+"/...")
	list.Env = append(os.Environ(), "GOOS=linux")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("list the packages: %v", err)
	}
	found := map[string]listed{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(p.ImportPath, module+"/")] = p
	}
}
