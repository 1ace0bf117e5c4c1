// SPDX-License-Identifier: Apache-2.0

package checkpoint

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/desired"
)

// version is that of the file's format. A file of another version is not read.
const version = 1

// file is a Checkpoint as JSON. Passwords is a plain map because desired.Passwords hides its texts.
type file struct {
	Version   int               `json:"version"`
	State     desired.State     `json:"state"`
	Passwords map[string]string `json:"passwords,omitempty"`
	Found     map[string]string `json:"found,omitempty"`
	Owned     []netip.Prefix    `json:"owned,omitempty"`
}

func encode(c Checkpoint) ([]byte, error) {
	return json.Marshal(file{
		Version: version, State: c.State, Passwords: c.Passwords.Of(c.State), Found: c.Found, Owned: c.Owned,
	})
}

func decode(text []byte) (Checkpoint, error) {
	var header struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &header); err != nil {
		return Checkpoint{}, err
	}
	if header.Version != version {
		return Checkpoint{}, fmt.Errorf("format version %d: this agent reads version %d", header.Version, version)
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return Checkpoint{}, err
	}
	state, err := f.State.WithPasswords(f.Passwords)
	if err != nil {
		return Checkpoint{}, err
	}
	return Checkpoint{State: state, Passwords: f.Passwords, Found: f.Found, Owned: f.Owned}, nil
}
