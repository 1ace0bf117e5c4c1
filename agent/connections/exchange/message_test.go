// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"bytes"
	"testing"
)

func TestAMessageIsWhatItWas(t *testing.T) {
	for _, m := range []message{{kind: ask, syncID: 7, nonce: 1 << 60}, {kind: told, syncID: 255, nonce: 1, connections: 1 << 31}} {
		if got, err := parse(m.bytes()); err != nil || got != m {
			t.Errorf("%+v, %v; want %+v", got, err, m)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(message{kind: ask, syncID: 7, nonce: 9568}.bytes())
	f.Add(message{kind: told, syncID: 7, nonce: 9568, connections: 100}.bytes())
	f.Add([]byte("LVSC"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parse(b)
		if err != nil {
			return
		}
		if again := m.bytes(); !bytes.Equal(again[:7], b[:7]) || !bytes.Equal(again[8:], b[8:]) {
			t.Errorf("%x was read as %x", b, again)
		}
	})
}
