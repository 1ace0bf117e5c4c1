// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// tellPacketCheck is what a check by UDP, SMTP, DNS or ping does.
func tellPacketCheck(c *v1alpha1.CompiledHealthCheck) string {
	switch {
	case c.UDP != nil:
		return fmt.Sprintf(", by udp %q, answer /%s/ %q", c.UDP.PayloadHex, c.UDP.AnswerRegex, c.UDP.AnswerHex)
	case c.SMTP != nil:
		return ", by smtp as " + c.SMTP.Helo
	case c.DNS != nil:
		return fmt.Sprintf(", by dns %s %s over %s, answer %q", c.DNS.Name, c.DNS.Type, c.DNS.Protocol, c.DNS.Answer)
	case c.Ping != nil:
		return ", by ping"
	}
	return ""
}
