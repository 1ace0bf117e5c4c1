// SPDX-License-Identifier: Apache-2.0

package connectionsnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lvs-operator/lvs-operator/agent/connections"
)

const header = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\n"

// line is a connection from the port.
func line(port int) string {
	return fmt.Sprintf("TCP C6336401 %04X C633640A 01BB C000020B 01BB ESTABLISHED LOCAL      899\n", port)
}

// ports are the client ports of what is read.
func ports(ctx context.Context, file io.Reader) (ports []int, err error) {
	err = each(ctx, file, func(c connections.Connection) bool {
		ports = append(ports, int(c.Client.Port()))
		return true
	})
	return ports, err
}

func TestTheTableIsReadToItsEnd(t *testing.T) {
	var text strings.Builder
	text.WriteString(header)
	const many = 3000 // more than one reading
	for port := 1; port <= many; port++ {
		text.WriteString(line(port))
	}
	for name, file := range map[string]io.Reader{
		"in large pieces":          strings.NewReader(text.String()),
		"byte by byte":             iotest.OneByteReader(strings.NewReader(text.String())),
		"with the end in one":      iotest.DataErrReader(strings.NewReader(text.String())),
		"without the last newline": strings.NewReader(strings.TrimSuffix(text.String(), "\n")),
	} {
		got, err := ports(t.Context(), file)
		if err != nil || len(got) != many || got[0] != 1 || got[many-1] != many {
			t.Errorf("%s: %d connections, %v; want %d", name, len(got), err, many)
		}
	}
	if got, err := ports(t.Context(), strings.NewReader(header)); err != nil || len(got) > 0 {
		t.Errorf("empty table: %v, %v", got, err)
	}
}

func TestGarbageLosesNothingElse(t *testing.T) {
	long := strings.Repeat("x", 3*readSize) + "\n"
	got, err := ports(t.Context(), strings.NewReader(header+line(1)+"garbage\n"+line(2)+long+line(3)+"TCP"))
	if fmt.Sprint(got) != "[1 2 3]" {
		t.Errorf("read %v, want 1, 2 and 3", got)
	}
	if err == nil || !strings.Contains(err.Error(), "3 lines") || !strings.Contains(err.Error(), "garbage") {
		t.Errorf("error %v, want one that counts three lines and shows the first", err)
	}
	if got, err := ports(t.Context(), strings.NewReader(line(1)+long[:len(long)-1])); fmt.Sprint(got) != "[1]" || err == nil {
		t.Errorf("a last line without an end: %v, %v", got, err)
	}
}

func TestReadingEndsWhenItIsToldTo(t *testing.T) {
	text := header + line(1) + line(2) + line(3)
	taken := 0
	err := each(t.Context(), strings.NewReader(text), func(connections.Connection) bool { taken++; return taken < 2 })
	if err != nil || taken != 2 {
		t.Errorf("told to end after two: %d, %v", taken, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	taken, gone := 0, errors.New("gone")
	err = each(ctx, strings.NewReader(text), func(connections.Connection) bool { taken++; cancel(gone); return true })
	if !errors.Is(err, gone) || taken != 1 {
		t.Errorf("the context ended after one: %d, %v", taken, err)
	}
	if _, err := ports(t.Context(), iotest.ErrReader(gone)); !errors.Is(err, gone) {
		t.Errorf("the file cannot be read: %v", err)
	}
}

func TestReadingAllocatesNothingForALine(t *testing.T) {
	text := []byte(header + strings.Repeat(line(1), 2000))
	file := bytes.NewReader(text)
	take := func(connections.Connection) bool { return true }
	ctx := t.Context()
	all := testing.AllocsPerRun(10, func() {
		file.Reset(text)
		if err := each(ctx, file, take); err != nil {
			t.Error(err)
		}
	})
	if all > 5 {
		t.Errorf("%v allocations for 2000 lines, want those of one buffer", all)
	}
}

func TestAKernelWithoutIPVSIsNamed(t *testing.T) {
	if _, err := os.Stat(table); err == nil {
		t.Skip("this kernel has IPVS")
	}
	err := Each(t.Context(), func(connections.Connection) bool { return true })
	if !errors.Is(err, ErrNoIPVS) || !strings.Contains(err.Error(), "read the IPVS connection table") {
		t.Errorf("error %v", err)
	}
}
