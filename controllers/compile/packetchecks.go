// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"encoding/hex"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func compileUDPCheck(check *v1alpha1.UDPCheck) *v1alpha1.CompiledUDPCheck {
	if check == nil {
		return nil
	}
	return &v1alpha1.CompiledUDPCheck{
		PayloadHex:  cmp.Or(check.PayloadHex, hex.EncodeToString([]byte(check.Payload))),
		AnswerRegex: check.AnswerRegex, AnswerHex: check.AnswerHex,
	}
}

func compileSMTPCheck(check *v1alpha1.SMTPCheck) *v1alpha1.CompiledSMTPCheck {
	if check == nil {
		return nil
	}
	return &v1alpha1.CompiledSMTPCheck{Helo: cmp.Or(check.Helo, "lvs-operator")}
}

func compileDNSCheck(check *v1alpha1.DNSCheck) *v1alpha1.CompiledDNSCheck {
	if check == nil {
		return nil
	}
	return &v1alpha1.CompiledDNSCheck{
		Name: cmp.Or(check.Name, "."), Type: cmp.Or(check.Type, "SOA"), Protocol: cmp.Or(check.Protocol, "UDP"), Answer: check.Answer,
	}
}
