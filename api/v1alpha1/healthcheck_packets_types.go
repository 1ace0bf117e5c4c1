// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// UDPCheck is a check by one datagram.
//
// +kubebuilder:validation:XValidation:rule="!has(self.payload) || !has(self.payloadHex)",message="give payload or payloadHex, and not both"
// +kubebuilder:validation:XValidation:rule="!has(self.answerRegex) || !has(self.answerHex)",message="give answerRegex or answerHex, and not both"
type UDPCheck struct {
	// payload is the text that is sent, at most 512 bytes. Default: an empty datagram.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="bytes(self).size() <= 512",message="payload may have at most 512 bytes"
	Payload string `json:"payload,omitempty"`
	// payloadHex is what is sent in hexadecimal, two digits a byte, at most 512 bytes; for example 0a0001. keepalived calls it payload.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9A-Fa-f][0-9A-Fa-f])*$')",message="payloadHex must be two hexadecimal digits a byte, for example 0a0001"
	PayloadHex string `json:"payloadHex,omitempty"`
	// answerRegex is a regular expression (RE2 syntax) that has to match somewhere in the answer; .* is any answer.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="''.matches(self) in [true, false]",message="answerRegex must be a regular expression in RE2 syntax"
	AnswerRegex string `json:"answerRegex,omitempty"`
	// answerHex is what the answer has to begin with, two hexadecimal digits a byte, where .. stands for any byte; 1 to 512 bytes; for
	// example 0a..01. keepalived calls it require_reply.
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9A-Fa-f][0-9A-Fa-f]|[.][.])+$')",message="answerHex must be two hexadecimal digits a byte, or .. for any byte, for example 0a..01"
	AnswerHex string `json:"answerHex,omitempty"`
}

// SMTPCheck is a check of a mail server.
type SMTPCheck struct {
	// helo is the name that the director gives itself, a domain name or an address in brackets; default lvs-operator. keepalived calls it
	// helo_name.
	// +optional
	// +kubebuilder:default=lvs-operator
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9._:\\\\[\\\\]-]+$')",message="helo must be a domain name or an address in brackets, for example director.example.com"
	Helo string `json:"helo,omitempty"`
}

// DNSCheck is a check of a name server.
//
// +kubebuilder:validation:XValidation:rule="!has(self.answer) || !has(self.type) || !(self.type in ['A', 'AAAA']) || isIP(self.answer) && ip(self.answer).family() == (self.type == 'A' ? 4 : 6)",message="answer must be an IPv4 address for type A, and an IPv6 address for type AAAA"
type DNSCheck struct {
	// name that is asked for, at most 254 characters; default the root (.). keepalived calls it name.
	// +optional
	// +kubebuilder:default=.
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:XValidation:rule="self == '.' || self.matches('^[A-Za-z0-9_*-]{1,63}([.][A-Za-z0-9_*-]{1,63})*[.]?$') && (self.size() < 254 || self.endsWith('.'))",message="name must be a domain name, for example www.example.com"
	Name string `json:"name,omitempty"`
	// type of the records: A, AAAA, CNAME, MX, NS, PTR, SOA (default), SRV or TXT. keepalived calls it type.
	// +optional
	// +kubebuilder:default=SOA
	// +kubebuilder:validation:Enum=A;AAAA;CNAME;MX;NS;PTR;SOA;SRV;TXT
	Type string `json:"type,omitempty"`
	// protocol is UDP (default), where an answer has at most 512 bytes, or TCP.
	// +optional
	// +kubebuilder:default=UDP
	// +kubebuilder:validation:Enum=UDP;TCP
	Protocol string `json:"protocol,omitempty"`
	// answer is the data of one of the records, as it stands in a zone file, for example 192.0.2.1, or 10 mail.example.com. for MX. Names
	// are equal whatever their case, with a dot at the end or without. Absent: any record of the type passes.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^[ -~]*$')",message="answer must be printable ASCII"
	Answer string `json:"answer,omitempty"`
}

// PingCheck is a check of the real server's host. It has no settings.
type PingCheck struct{}
