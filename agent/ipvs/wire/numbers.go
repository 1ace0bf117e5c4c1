// SPDX-License-Identifier: Apache-2.0

package wire

// Netlink and generic netlink (linux/netlink.h, linux/genetlink.h).
const (
	nlmsgHeaderSize = 16 // sizeof(struct nlmsghdr)
	genlHeaderSize  = 4  // GENL_HDRLEN
	nlaHeaderSize   = 4  // NLA_HDRLEN
	alignment       = 4  // NLMSG_ALIGNTO and NLA_ALIGNTO

	nlmsgError   = 2    // NLMSG_ERROR
	nlmsgDone    = 3    // NLMSG_DONE
	nlmsgMinType = 0x10 // NLMSG_MIN_TYPE

	flagRequest     = 0x1             // NLM_F_REQUEST
	flagAcknowledge = 0x4             // NLM_F_ACK
	flagInterrupted = 0x10            // NLM_F_DUMP_INTR
	flagDump        = 0x100 | 0x200   // NLM_F_DUMP
	nested          = 0x8000          // NLA_F_NESTED
	typeMask        = ^uint16(0xc000) // NLA_TYPE_MASK

	genlControl       = 0x10 // GENL_ID_CTRL
	controlVersion    = 2
	controlGetFamily  = 3 // CTRL_CMD_GETFAMILY
	controlFamilyID   = 1 // CTRL_ATTR_FAMILY_ID
	controlFamilyName = 2 // CTRL_ATTR_FAMILY_NAME
)

const (
	familyName    = "IPVS" // IPVS_GENL_NAME
	familyVersion = 1      // IPVS_GENL_VERSION
)

// Commands of the family (IPVS_CMD_*). The kernel answers a get with the new or set of the same thing.
const (
	cmdNewService command = iota + 1
	cmdSetService
	cmdDelService
	cmdGetService
	cmdNewDest
	cmdSetDest
	cmdDelDest
	cmdGetDest
	cmdNewDaemon
	cmdDelDaemon
	cmdGetDaemon
	cmdSetConfig
	cmdGetConfig
	cmdSetInfo
	cmdGetInfo
	cmdZero
	cmdFlush
)

type command uint8

// Attributes of a message (IPVS_CMD_ATTR_*).
const (
	attrService = iota + 1
	attrDest
	attrDaemon
	attrTimeoutTCP
	attrTimeoutTCPFin
	attrTimeoutUDP
)

// Attributes of a service (IPVS_SVC_ATTR_*).
const (
	serviceFamily = iota + 1
	serviceProtocol
	serviceAddress
	servicePort
	serviceMark
	serviceScheduler
	serviceFlags
	serviceTimeout
	serviceNetmask
	serviceStats
	serviceEngine
	serviceStats64
)

// Attributes of a destination (IPVS_DEST_ATTR_*).
const (
	destAddress = iota + 1
	destPort
	destMethod
	destWeight
	destUpperThreshold
	destLowerThreshold
	destActive
	destInactive
	destPersistent
	destStats
	destFamily
	destStats64
	destTunnelType
	destTunnelPort
	destTunnelFlags
)

// Attributes of a sync daemon (IPVS_DAEMON_ATTR_*).
const (
	daemonState = iota + 1
	daemonInterface
	daemonID
	daemonMaxLength
	daemonGroup
	daemonGroup6
	daemonPort
	daemonTTL
)

// Attributes of statistics (IPVS_STATS_ATTR_*).
const (
	statsConnections = iota + 1
	statsInPackets
	statsOutPackets
	statsInBytes
	statsOutBytes
	statsConnectionRate
	statsInPacketRate
	statsOutPacketRate
	statsInByteRate
	statsOutByteRate
)

// Attributes of the answer to GetInfo (IPVS_INFO_ATTR_*).
const (
	infoVersion = iota + 1
	infoTableSize
)

const (
	flagPersistent = 0x1 // IP_VS_SVC_F_PERSISTENT
	flagHashed     = 0x2 // IP_VS_SVC_F_HASHED

	forwardingMask = 0x7 // IP_VS_CONN_F_FWD_MASK

	// allBits is every flag of a flags attribute, and the netmask of a single host.
	allBits = ^uint32(0)

	// hostPrefix is the "netmask" of a single IPv6 host: a prefix length, in the same attribute.
	hostPrefix = 128
)
