// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"fmt"
	"regexp"
)

// HTTPJudge judges the answer to a request of HTTP. Its methods are functions of their arguments, and safe for concurrent use.
type HTTPJudge struct {
	statuses Statuses
	// body and weightBody are nil where the body does not matter to them.
	body, weightBody *regexp.Regexp
	weightHeader     string
}

// Judge makes the judge of a valid check. It is made once for many real servers.
func (c HTTP) Judge() HTTPJudge {
	j := HTTPJudge{statuses: c.Statuses, weightHeader: c.WeightHeader}
	if c.WeightBody != "" {
		j.weightBody = regexp.MustCompile(c.WeightBody)
	}
	if c.Body != "" {
		j.body = regexp.MustCompile(c.Body)
	}
	return j
}

// Status is the failure of a status, from 0 to 999; nil: it passes, and the check does unless a body is wanted.
func (j HTTPJudge) Status(status int) error {
	if !j.statuses.Has(status) {
		return fmt.Errorf("HTTP status %d: want %s", status, j.statuses)
	}
	return nil
}

// WantsBody says whether the verdict has to wait for the body.
func (j HTTPJudge) WantsBody() bool { return j.body != nil || j.weightBody != nil }

// Body is the failure of a body, as much as came of it; nil: it passes. It is wanted.
func (j HTTPJudge) Body(body []byte) error {
	if j.body != nil && !j.body.Match(body) {
		return fmt.Errorf("the body of the answer does not match %s: it begins with %s", j.body, Quote(body))
	}
	return nil
}

// Weight is the one that the answer gives, by what the first field of a name has for a value, or by its body.
func (j HTTPJudge) Weight(field func(name string) []byte, body []byte) Weight {
	if j.weightHeader != "" {
		return parseWeight(field(j.weightHeader))
	}
	if j.weightBody != nil {
		if found := j.weightBody.FindSubmatch(body); found != nil {
			return parseWeight(found[1])
		}
	}
	return Weight{}
}

// NotHTTP1 says that what a real server sent does not begin an HTTP/1 response; nil: it does, as far as it goes.
func NotHTTP1(heard []byte) error {
	_, err := parseHead(heard)
	return err
}

// Cut is the failure of an answer that ended after so many bytes, before it said anything. It begins with heard.
func Cut(heard []byte, bytes int) error {
	if bytes == 0 {
		return errors.New("the connection was closed without an answer")
	}
	return fmt.Errorf("the answer ended after %d bytes, before its head did: %s", bytes, Quote(heard))
}
