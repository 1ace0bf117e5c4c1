// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// explain says what the kernel refused, and what to do about it, where that is known.
func explain(operation plan.Operation, answer error) error {
	switch o := operation.(type) {
	case *plan.AddService:
		return explainService("add", o.Service, answer)
	case *plan.UpdateService:
		return explainService("update", o.Service, answer)
	case *plan.DeleteService:
		return fmt.Errorf("delete service %s: %w", o.Service, advise(answer))
	case *plan.AddDestination:
		return explainDestination("add", o.Service, o.Destination, answer)
	case *plan.UpdateDestination:
		return explainDestination("update", o.Service, o.Destination, answer)
	case *plan.DeleteDestination:
		return fmt.Errorf("delete destination %s from %s: %w", o.Destination, o.Service, advise(answer))
	case *plan.SetTimeouts:
		return fmt.Errorf("set the IPVS time-outs to tcp %d s, tcp-fin %d s, udp %d s (0: unchanged): %w",
			o.Timeouts.TCP, o.Timeouts.TCPFin, o.Timeouts.UDP, advise(answer))
	default:
		return fmt.Errorf("%s: %w", operation, advise(answer))
	}
}

func explainService(verb string, service ipvs.Service, answer error) error {
	switch {
	case errors.Is(answer, unix.ENOENT):
		return fmt.Errorf("%s service %s: %s: %w", verb, service.Key, missingModules(service), answer)
	case errors.Is(answer, unix.EAFNOSUPPORT):
		return fmt.Errorf("%s service %s: the kernel's IPVS has no %s: %w", verb, service.Key, service.Key.Family(), answer)
	default:
		return fmt.Errorf("%s service %s: %w", verb, service.Key, advise(answer))
	}
}

// missingModules says which module the kernel lacks for a service: ENOENT says neither whether it is the scheduler's or the
// engine's. Modules that are built in may not show as loaded.
func missingModules(service ipvs.Service) string {
	scheduler := missingModule("scheduler", service.Scheduler, "ip_vs_"+service.Scheduler)
	if service.PersistenceEngine == "" {
		return scheduler
	}
	engine := missingModule("persistence engine", service.PersistenceEngine, "ip_vs_pe_"+service.PersistenceEngine)
	if len(loadedModules([]string{"ip_vs_" + service.Scheduler})) > 0 {
		return engine
	}
	return scheduler + "; or " + engine
}

func missingModule(kind, name, module string) string {
	return fmt.Sprintf("the kernel has no %s %s: load the module %s on this node (modprobe %s)", kind, name, module, module)
}

func explainDestination(verb string, key ipvs.ServiceKey, destination ipvs.Destination, answer error) error {
	what := fmt.Sprintf("%s destination %s to %s", verb, destination.Key(), key)
	mixed := ipvs.FamilyOf(destination.Address) != key.Family()
	switch {
	case errors.Is(answer, unix.ESRCH):
		return fmt.Errorf("%s: the service does not exist; it is added again after the next reading: %w", what, answer)
	case errors.Is(answer, unix.ERANGE):
		return fmt.Errorf("%s: the kernel takes weights up to 2147483647, and no lower threshold above the upper one: %w", what, answer)
	case errors.Is(answer, unix.EAFNOSUPPORT):
		return fmt.Errorf("%s: the kernel's IPVS has no %s: %w", what, ipvs.FamilyOf(destination.Address), answer)
	case errors.Is(answer, unix.EINVAL) && mixed:
		return fmt.Errorf("%s: the kernel takes a real server of another address family only with tunnelling, "+
			"and only while no connection sync daemon runs: %w", what, answer)
	case errors.Is(answer, unix.EINVAL) && destination.Tunnel.Type == ipvs.GUE && destination.Tunnel.Port == 0:
		return fmt.Errorf("%s: a GUE tunnel needs a port: %w", what, answer)
	case errors.Is(answer, unix.EINVAL) && destination.UpperThreshold > math.MaxInt32:
		return fmt.Errorf("%s: the kernel takes thresholds up to 2147483647: %w", what, answer)
	case errors.Is(answer, unix.EINVAL):
		return fmt.Errorf("%s: the kernel takes only unicast and local addresses that it has a route for: %w", what, answer)
	default:
		return fmt.Errorf("%s: %w", what, advise(answer))
	}
}
