// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Condition types, after Gateway API: each condition carries the generation that it speaks of.
const (
	// ConditionAccepted says that the object is valid and conflicts with no older object.
	ConditionAccepted = "Accepted"
	// ConditionResolvedRefs says that every object that this one names exists and may be used by it.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionProgrammed says that every director has this generation in its kernel and has read it back.
	ConditionProgrammed = "Programmed"
	// ConditionReady says that clients are served: exactly one director is Active, runs the object, and sees at least one
	// healthy real server. What the other directors do is Programmed's.
	ConditionReady = "Ready"
	// ConditionExclusive says that nobody but a group's directors advertises with its virtual router id on its interface. Only
	// DirectorGroup has it. It is False, and no fault, while keepalived shares the router on purpose.
	ConditionExclusive = "Exclusive"
)

// Reasons of conditions and events. One list, so that an operator can search for each.
const (
	// ReasonAccepted goes with Accepted=True.
	ReasonAccepted = "Accepted"
	// ReasonResolved goes with ResolvedRefs=True.
	ReasonResolved = "Resolved"
	// ReasonProgrammed goes with Programmed=True.
	ReasonProgrammed = "Programmed"
	// ReasonReady goes with Ready=True.
	ReasonReady = "Ready"
	// ReasonConflict says that an older object has what this one wants and only one can have: the address and port, the firewall
	// mark, the virtual router id on the same directors' interface, or another value of an IPVS setting of the same directors.
	// It also says that the director group carries as many addresses as it can.
	ReasonConflict = "Conflict"
	// ReasonAddressNotInPool says that the address lies in none of the director group's address pools that this namespace
	// may use.
	ReasonAddressNotInPool = "AddressNotInPool"
	// ReasonMarkNotInPool says that the firewall mark lies in none of the director group's mark pools that this namespace may
	// use, or that a destination that it matches lies outside that pool.
	ReasonMarkNotInPool = "MarkNotInPool"
	// ReasonFamilyMismatch says that a real server is of another address family than the service, which only Tunnel can cross.
	ReasonFamilyMismatch = "FamilyMismatch"
	// ReasonSyncMismatch says that a real server is of another address family than the service, which the kernel refuses on
	// directors with connection sync.
	ReasonSyncMismatch = "SyncMismatch"
	// ReasonMethodMismatch says that a real server's own forwarding method does not go together with the service.
	ReasonMethodMismatch = "MethodMismatch"
	// ReasonHealthCheckPort says that the pool's health check has no port where the service gives it none.
	ReasonHealthCheckPort = "HealthCheckPort"
	// ReasonHealthCheckVia says that the pool's health check cannot go by way of the virtual IP.
	ReasonHealthCheckVia = "HealthCheckVia"
	// ReasonHealthCheckInvalid says that the pool's health check cannot be carried out: the message tells which field is wrong.
	ReasonHealthCheckInvalid = "HealthCheckInvalid"
	// ReasonPortMismatch says that a real server's port differs from the service's where the forwarding method cannot change
	// it.
	ReasonPortMismatch = "PortMismatch"
	// ReasonDirectorGroupNotFound says that the named DirectorGroup does not exist.
	ReasonDirectorGroupNotFound = "DirectorGroupNotFound"
	// ReasonRealServerPoolNotFound says that the named RealServerPool does not exist in the namespace.
	ReasonRealServerPoolNotFound = "RealServerPoolNotFound"
	// ReasonInvalidSelector says that a label selector cannot be read.
	ReasonInvalidSelector = "InvalidSelector"
	// ReasonNoDirectors says that no node matches the director group's selector.
	ReasonNoDirectors = "NoDirectors"
	// ReasonPending says that at least one director has not reported this generation yet.
	ReasonPending = "Pending"
	// ReasonNotAccepted says that the object is not programmed because it was not accepted.
	ReasonNotAccepted = "NotAccepted"
	// ReasonDirectorProblem says that a director reported a problem; the message tells which and what.
	ReasonDirectorProblem = "DirectorProblem"
	// ReasonNodeNotReady says that the cluster has lost a director's kubelet, so that what its agent reported counts no more.
	ReasonNodeNotReady = "NodeNotReady"
	// ReasonNoActive says that no director is Active for the address.
	ReasonNoActive = "NoActive"
	// ReasonExclusive goes with Exclusive=True.
	ReasonExclusive = "Exclusive"
	// ReasonNoFreeRouterID says that every virtual router id is in use, so that none can be allocated to the director group.
	ReasonNoFreeRouterID = "NoFreeRouterID"
	// ReasonForeignRouter says that somebody else advertises with the group's virtual router id.
	ReasonForeignRouter = "ForeignRouter"
	// ReasonTwoActives says that more than one director reports being Active for one virtual router id: a split brain.
	ReasonTwoActives = "TwoActives"
	// ReasonOneActive is the event of a split brain being over: no more than one director reports being Active.
	ReasonOneActive = "OneActive"
	// ReasonNoHealthyRealServer says that the Active director sees no healthy real server, or that there is none.
	ReasonNoHealthyRealServer = "NoHealthyRealServer"
	// ReasonQuorumLost says that fewer real servers are healthy than the service's quorum needs, as the Active director sees them.
	ReasonQuorumLost = "QuorumLost"
	// ReasonSorryServer says that the quorum is lost and the sorry server gets new connections.
	ReasonSorryServer = "SorryServer"
	// ReasonPanicThreshold says that fewer real servers are healthy than the service's panicThreshold, so that all get connections.
	ReasonPanicThreshold = "PanicThreshold"
	// ReasonServed is the event of a service being Ready again after one of the reasons before, or after NoHealthyRealServer.
	ReasonServed = "Served"
	// ReasonActiveChanged is the event of a director becoming Active in place of another.
	ReasonActiveChanged = "ActiveChanged"
)

// Problems that an agent reports in NodeState.status.
const (
	// ProblemSecretMissing says that the VRRP password's Secret, or its key, is absent in the operator's namespace.
	ProblemSecretMissing = "SecretMissing"
	// ProblemInvalid says that a compiled value cannot be used by this agent.
	ProblemInvalid = "Invalid"
	// ProblemKernel says that the kernel refused an operation; the message is the operation and the kernel's answer.
	ProblemKernel = "KernelRefused"
	// ProblemCheckpoint says that the agent's state directory cannot be written.
	ProblemCheckpoint = "Checkpoint"
	// ProblemVRRP says that a virtual router cannot run on this node.
	ProblemVRRP = "VRRP"
	// ProblemSlicesMissing says that a compiled service waits for slices that have not arrived.
	ProblemSlicesMissing = "SlicesMissing"
)

// PasswordKey is the key of a VRRP password in the Secret that a DirectorGroup names.
const PasswordKey = "password"

// DirectorGroupLabel is on every slice: the name of the director group that it was compiled for.
const DirectorGroupLabel = "lvs-operator.io/director-group"

// HandOverAnnotation on a Node, with the value "true", has the node's director hand its virtual IPs over, and take none while another
// director is there: before maintenance, and until the annotation is removed.
const HandOverAnnotation = "lvs-operator.io/hand-over"
