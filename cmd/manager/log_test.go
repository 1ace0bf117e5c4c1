// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-logr/logr"
)

func TestAnOrderlyStopLogsNoError(t *testing.T) {
	var text bytes.Buffer
	log := logr.FromSlogHandler(orderlyStop{slog.NewJSONHandler(&text, nil)}).WithName("manager").WithValues("pod", "a")
	log.Error(errors.New("leader election lost"), "error received after stop sequence was engaged")
	if !strings.Contains(text.String(), `"level":"INFO"`) || strings.Contains(text.String(), "ERROR") {
		t.Errorf("logged: %s", &text)
	}
	for _, line := range []struct{ message, err string }{
		{"error received after stop sequence was engaged", "context deadline exceeded"},
		{"the manager ends", "leader election lost"},
	} {
		text.Reset()
		log.Error(errors.New(line.err), line.message)
		for _, part := range []string{line.message, line.err, `"pod":"a"`, `"level":"ERROR"`} {
			if !strings.Contains(text.String(), part) {
				t.Errorf("%s, %s: %q does not say %s", line.message, line.err, &text, part)
			}
		}
	}
}
