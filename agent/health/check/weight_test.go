// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func TestWeightOfAnAnswer(t *testing.T) {
	header := check.HTTP{Method: "GET", Path: "/", WeightHeader: "X-Weight"}
	body := check.HTTP{Method: "GET", Path: "/", WeightBody: `"weight": *(\d+)`}
	given := func(value uint32) check.Weight { return check.Weight{Given: true, Value: value} }
	for _, tc := range []struct {
		name, answer string
		check        check.HTTP
		want         check.Weight
	}{
		{"header", "HTTP/1.1 200 OK\r\nx-weight:  7 \r\n\r\n", header, given(7)},
		{"the first of two", "HTTP/1.1 200 OK\r\nX-Weight: 7\r\nX-Weight: 8\r\n\r\n", header, given(7)},
		{"nothing", "HTTP/1.1 200 OK\r\nX-Weight: 0\r\n\r\n", header, given(0)},
		{"the most", "HTTP/1.1 200 OK\r\nX-Weight: 65535\r\n\r\n", header, given(65535)},
		{"more than the most", "HTTP/1.1 200 OK\r\nX-Weight: 65536\r\n\r\n", header, check.Weight{}},
		{"less than nothing", "HTTP/1.1 200 OK\r\nX-Weight: -1\r\n\r\n", header, check.Weight{}},
		{"no number", "HTTP/1.1 200 OK\r\nX-Weight: heavy\r\n\r\n", header, check.Weight{}},
		{"no header", "HTTP/1.1 200 OK\r\n\r\nX-Weight: 7\r\n", header, check.Weight{}},
		{"header of an interim answer", "HTTP/1.1 103 Early\r\nX-Weight: 7\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", header, check.Weight{}},
		{"body", "HTTP/1.1 200 OK\r\n\r\n{\"weight\": 12}", body, given(12)},
		{"body without", "HTTP/1.1 200 OK\r\n\r\n{}", body, check.Weight{}},
		{"header in place of the body", "HTTP/1.1 200 OK\r\n\"weight\": 12\r\n\r\n{}", body, check.Weight{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.check.Validate(); err != nil {
				t.Fatal(err)
			}
			if answer := tc.check.Dialogue().Hear(0, []byte(tc.answer), true); !answer.Done || answer.Failure != nil || answer.Weight != tc.want {
				t.Errorf("got %+v, want %+v", answer, tc.want)
			}
		})
	}
}

func TestWeightThatIsLookedForInAWrongWay(t *testing.T) {
	for want, c := range map[string]check.HTTP{
		`weight in the body "[0-9]+": want one group in parentheses, around the number`:      {Method: "GET", Path: "/", WeightBody: "[0-9]+"},
		`weight in the body "(a)([0-9]+)": want one group in parentheses, around the number`: {Method: "GET", Path: "/", WeightBody: "(a)([0-9]+)"},
		"weight in the body: error parsing regexp: missing closing ): `(`":                   {Method: "GET", Path: "/", WeightBody: "("},
		"the answer to HEAD has no body that could give a weight":                            {Method: "HEAD", Path: "/", WeightBody: "(.)"},
	} {
		if err := c.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestWhichChecksWeigh(t *testing.T) {
	weighs := check.HTTP{WeightHeader: "A"}
	for c, want := range map[check.Check]bool{
		weighs: true, check.HTTPS{HTTP: weighs}: true, check.H2C{HTTP: check.HTTP{WeightBody: "(.)"}}: true, check.HTTP{}: false, check.TCP{}: false,
	} {
		if check.Weighs(c) != want {
			t.Errorf("%+v: %t", c, !want)
		}
	}
}
