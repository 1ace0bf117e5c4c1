// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func TestHTTP2BeginsWithSettings(t *testing.T) {
	for heard, want := range map[string]string{
		"":                                     "",
		"\x00\x00":                             "",
		"\x00\x00\x00\x04\x00\x00\x00\x00\x00": "",
		"\x00\x00\x06\x04\x00\x80\x00\x00\x00\x00\x03": "",
		"\x00\x00\x00\x07\x00\x00\x00\x00\x00":         `the answer is not HTTP/2: it begins with "\x00\x00\x00\a\x00\x00\x00\x00\x00"`,
		"\x00\x00\x00\x04\x00\x00\x00\x00\x01":         `the answer is not HTTP/2: it begins with "\x00\x00\x00\x04\x00\x00\x00\x00\x01"`,
		"HTTP/1.1 400 Bad Request\r\n\r\n":             `the answer is not HTTP/2: it begins with "HTTP/1.1 400 Bad Request\r\n\r\n"`,
	} {
		got := ""
		if err := check.NotHTTP2([]byte(heard)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", heard, got, want)
		}
	}
}

// FuzzNotHTTP2 sends what it likes. What a library reads as SETTINGS has to be taken, and what is refused it must not read as that.
func FuzzNotHTTP2(f *testing.F) {
	f.Add([]byte("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, heard []byte) {
		refused := check.NotHTTP2(heard)
		if refused != nil && len(refused.Error()) > 300 {
			t.Errorf("a reason of %d bytes", len(refused.Error()))
		}
		frame, err := http2.NewFramer(io.Discard, bytes.NewReader(heard)).ReadFrame()
		if _, settings := frame.(*http2.SettingsFrame); err == nil && settings && refused != nil {
			t.Errorf("refused though it is SETTINGS: %v", refused)
		}
		if err == nil && refused == nil && !strings.Contains(frame.Header().String(), "SETTINGS") {
			t.Errorf("taken though it is %v", frame)
		}
	})
}
