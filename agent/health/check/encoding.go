// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/json"
	"fmt"
)

// encoded is a Check as JSON has it.
type encoded struct {
	Kind     string          `json:"kind"`
	Settings json.RawMessage `json:"settings,omitempty"`
}

// Encode returns a check as JSON, which Decode reads.
func Encode(c Check) ([]byte, error) {
	settings, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode the check %s: %w", c, err)
	}
	return json.Marshal(encoded{c.Kind(), settings})
}

// Decode reads what Encode wrote. A kind that this version does not know is an error.
func Decode(text []byte) (Check, error) {
	var e encoded
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("decode a check: %w", err)
	}
	switch e.Kind {
	case TCP{}.Kind():
		return decode[TCP](e)
	case HTTP{}.Kind():
		return decode[HTTP](e)
	case UDP{}.Kind():
		return decode[UDP](e)
	case SMTP{}.Kind():
		return decode[SMTP](e)
	case DNS{}.Kind():
		return decode[DNS](e)
	case Ping{}.Kind():
		return decode[Ping](e)
	case HTTPS{}.Kind():
		return decode[HTTPS](e)
	case H2C{}.Kind():
		return decode[H2C](e)
	case TLS{}.Kind():
		return decode[TLS](e)
	case GRPC{}.Kind():
		return decode[GRPC](e)
	}
	return nil, fmt.Errorf("decode a check: there is no kind %q", e.Kind)
}

func decode[C Check](e encoded) (Check, error) {
	var c C
	if err := json.Unmarshal(e.Settings, &c); err != nil {
		return nil, fmt.Errorf("decode a check of kind %s: %w", e.Kind, err)
	}
	return c, nil
}
