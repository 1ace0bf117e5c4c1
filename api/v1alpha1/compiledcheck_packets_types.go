// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// CompiledUDPCheck is a check by UDP with every default filled in.
type CompiledUDPCheck struct {
	// payloadHex is what is sent in hexadecimal, two digits a byte, at most 512 bytes; absent: an empty datagram.
	// +optional
	PayloadHex string `json:"payloadHex,omitempty"`
	// answerRegex is a regular expression (RE2) that has to match in the answer; absent: see answerHex.
	// +optional
	AnswerRegex string `json:"answerRegex,omitempty"`
	// answerHex is what the answer has to begin with, two hexadecimal digits a byte, where .. stands for any byte. Where it and answerRegex
	// are absent any answer passes, and so does silence.
	// +optional
	AnswerHex string `json:"answerHex,omitempty"`
}

// CompiledSMTPCheck is a check by SMTP with every default filled in.
type CompiledSMTPCheck struct {
	// helo is the name that the director gives itself; default lvs-operator if the pool says nothing.
	// +required
	Helo string `json:"helo"`
}

// CompiledDNSCheck is a check by DNS with every default filled in.
type CompiledDNSCheck struct {
	// name that is asked for; default the root (.) if the pool says nothing.
	// +required
	Name string `json:"name"`
	// type of the records: A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT; default SOA if the pool says nothing.
	// +required
	Type string `json:"type"`
	// protocol is UDP or TCP; default UDP if the pool says nothing.
	// +required
	Protocol string `json:"protocol"`
	// answer is the data of one of the records, as it stands in a zone file; absent: any record of the type passes.
	// +optional
	Answer string `json:"answer,omitempty"`
}
