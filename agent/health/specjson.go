// SPDX-License-Identifier: Apache-2.0

package health

import (
	"encoding/json"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// plainSpec is a Spec whose check is JSON already, since JSON does not say of an interface what was in it.
type plainSpec struct {
	plain
	Check json.RawMessage `json:"Check"` // in place of the one of plain
}

type plain Spec

// MarshalJSON implements json.Marshaler.
func (s Spec) MarshalJSON() ([]byte, error) {
	encoded, err := check.Encode(s.Check)
	if err != nil {
		return nil, err
	}
	return json.Marshal(plainSpec{plain(s), encoded})
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Spec) UnmarshalJSON(text []byte) error {
	var p plainSpec
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	decoded, err := check.Decode(p.Check)
	if err != nil {
		return err
	}
	*s = Spec(p.plain)
	s.Check = decoded
	return nil
}
