// SPDX-License-Identifier: Apache-2.0

package wire

import "fmt"

// LookUp appends the question for the number of the family IPVS, which makes a kernel that may load modules load ip_vs. The
// kernel says ENOENT where it has no IPVS.
func LookUp(b []byte, sequence uint32) []byte {
	start := len(b)
	b = begin(b, genlControl, 0, sequence, controlGetFamily, controlVersion)
	return end(appendString(b, controlFamilyName, familyName), start)
}

// DecodeFamily reads the body of the answer to LookUp.
func DecodeFamily(body []byte) (uint16, error) {
	number, err := inside(body, controlFamilyID, "number of a netlink family")
	if err != nil {
		return 0, err
	}
	if number.uint16() < nlmsgMinType {
		return 0, fmt.Errorf("the netlink family %s has the number %d, which is not one of a family", familyName, number.uint16())
	}
	return number.uint16(), nil
}
