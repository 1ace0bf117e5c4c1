// SPDX-License-Identifier: Apache-2.0

package plan

// AddressProtocol marks each address that we add as ours: IFA_PROTO of linux/if_addr.h, which the kernel keeps since 5.18
// and ignores before. `ip address show proto 76` lists them. The number (ASCII L) is in no registry; the kernel uses 1 to
// 3, keepalived 18.
const AddressProtocol = 76

// maxLabel is the longest label of an address.
const maxLabel = maxInterfaceName

// Label is the address label (IFA_LABEL) that marks an address of the interface as ours in kernels without IFA_PROTO, and
// to everybody who looks: the interface's name, a colon and lvs, for example eth0:lvs. It is empty for an interface whose
// name has more than 11 bytes: there the label does not fit, and AddressProtocol is the only mark.
func Label(interfaceName string) string {
	label := interfaceName + ":lvs"
	if len(label) > maxLabel {
		return ""
	}
	return label
}
