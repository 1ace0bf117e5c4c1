// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

var update = flag.Bool("update", false, "write what the stories give into their files")

// TestStories plays each file of testdata: Kubernetes objects in, what is compiled of every group out. The first lines of
// a file tell the story.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			story, err := txtar.ParseFile(file)
			if err != nil || len(story.Files) != 2 {
				t.Fatalf("a story is objects and what they give: %v", err)
			}
			got := tell(readObjects(t, string(story.Files[0].Data)))
			if *update {
				story.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(story), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(story.Files[1].Data), got); diff != "" {
				t.Errorf("-told +got:\n%s", diff)
			}
		})
	}
}

// readObjects reads YAML documents as they stand in files, without an API server's defaults.
func readObjects(t *testing.T, text string) Snapshot {
	t.Helper()
	s := Snapshot{Namespaces: map[string]map[string]string{}}
	for _, document := range strings.Split(text, "---\n") {
		var kind metav1.TypeMeta
		read(t, document, &kind)
		switch kind.Kind {
		case "Node":
			var node corev1.Node
			read(t, document, &node)
			n := Node{Name: node.Name, Labels: node.Labels, Leaving: Leaving(node.Spec.Unschedulable, node.Annotations)}
			for _, address := range node.Status.Addresses {
				if address.Type == corev1.NodeInternalIP {
					n.InternalIPs = append(n.InternalIPs, address.Address)
				}
			}
			s.Nodes = append(s.Nodes, n)
		case "Namespace":
			var namespace corev1.Namespace
			read(t, document, &namespace)
			s.Namespaces[namespace.Name] = namespace.Labels
		case "DirectorGroup":
			s.Groups = append(s.Groups, readOne[v1alpha1.DirectorGroup](t, document))
		case "VirtualService":
			s.Services = append(s.Services, readOne[v1alpha1.VirtualService](t, document))
		case "RealServerPool":
			s.Pools = append(s.Pools, readOne[v1alpha1.RealServerPool](t, document))
		case "ServiceSlice":
			s.ServiceSlices = append(s.ServiceSlices, readOne[v1alpha1.ServiceSlice](t, document))
		case "RealServerSlice":
			s.RealServerSlices = append(s.RealServerSlices, readOne[v1alpha1.RealServerSlice](t, document))
		case "NodeState":
			s.NodeStates = append(s.NodeStates, readOne[v1alpha1.NodeState](t, document))
		default:
			t.Fatalf("unknown kind %q in:\n%s", kind.Kind, document)
		}
	}
	return s
}

func readOne[T any](t *testing.T, document string) *T {
	t.Helper()
	object := new(T)
	read(t, document, object)
	return object
}

func read(t *testing.T, document string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(document), into); err != nil {
		t.Fatalf("%v in:\n%s", err, document)
	}
}

// tell compiles every group and writes down what an operator wants to know.
func tell(s Snapshot) string {
	var b strings.Builder
	var names []string
	for _, group := range s.Groups {
		names = append(names, group.Name)
	}
	slices.Sort(names)
	parts := map[string][]NodePart{}
	for _, name := range names {
		s.Group = name
		result := Compile(s)
		tellResult(&b, name, result)
		for node, part := range result.Nodes {
			parts[node] = append(parts[node], part)
		}
	}
	for _, node := range slices.Sorted(maps.Keys(parts)) {
		tellNode(&b, node, MergeNode(v1alpha1.NodeStateSpec{}, parts[node], nil))
	}
	return b.String()
}

func tellResult(b *strings.Builder, name string, r Result) {
	fmt.Fprintf(b, "DirectorGroup %s of %s: %s\n", name, strings.Join(r.Directors, ", "), tellVerdict(r.Group))
	lines := []string{}
	for key, verdict := range r.Services {
		lines = append(lines, fmt.Sprintf("VirtualService %s: %s\n", key, tellVerdict(verdict)))
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, ""))
	for _, slice := range r.RealServerSlices {
		fmt.Fprintf(b, "RealServerSlice %s of %s/%s, %s\n", slice.Name, slice.Spec.Pool.Namespace, slice.Spec.Pool.Name, tellCheck(slice.Spec.HealthCheck))
		for _, server := range slice.Spec.RealServers {
			fmt.Fprintf(b, "  -r %s -w %d%s\n", hostPort(server.Address, server.Port), server.Weight, tellRealServer(server))
		}
	}
	for _, slice := range r.ServiceSlices {
		fmt.Fprintf(b, "ServiceSlice %s\n", slice.Name)
		for _, s := range slice.Spec.Services {
			fmt.Fprintf(b, "  %s generation %d: -A %s -s %s -p %d%s, %s%s, drained for %ds, %d slice of %s/%s (%s)\n", s.ID, s.Generation, tellKey(s),
				s.Scheduler, s.PersistenceSeconds, tellOptions(s), s.ForwardingMethod, tellTunnel(s.Tunnel), s.DrainSeconds,
				s.Pool.Slices, s.Pool.Namespace, s.Pool.Name, s.Pool.Hash)
			tellConsequences(b, s)
			for _, m := range s.Match {
				fmt.Fprintf(b, "    marked: to %v from %v by %q to ports %v through %q\n", m.Addresses, m.SourceAddresses, m.Protocol, m.Ports, m.Interface)
			}
		}
	}
}

// tellConsequences leaves out what every service has that asks for nothing.
func tellConsequences(b *strings.Builder, s v1alpha1.CompiledService) {
	if s.Quorum != (v1alpha1.CompiledQuorum{Weight: 1}) {
		fmt.Fprintf(b, "    quorum %d, hysteresis %d, withdraws %t\n", s.Quorum.Weight, s.Quorum.Hysteresis, s.Quorum.WithdrawAddress)
	}
	if sorry := s.SorryServer; sorry != nil {
		fmt.Fprintf(b, "    sorry server -r %s -w %d%s\n", hostPort(sorry.Address, sorry.Port), sorry.Weight, tellRealServer(*sorry))
	}
	if s.InhibitOnFailure || s.PanicThreshold != 0 || s.SlowStartSeconds != 0 {
		fmt.Fprintf(b, "    inhibits %t, all below %d %%, slow start %d s\n", s.InhibitOnFailure, s.PanicThreshold, s.SlowStartSeconds)
	}
}

// tellKey is what ipvsadm calls a service by.
func tellKey(s v1alpha1.CompiledService) string {
	if s.Mark != 0 {
		return fmt.Sprintf("-f %d for %s", s.Mark, s.Family)
	}
	return fmt.Sprintf("%s %s", s.Protocol, hostPort(s.Address, s.Port))
}

// tellOptions are the options of a service that most have not.
func tellOptions(s v1alpha1.CompiledService) string {
	var b strings.Builder
	if s.PersistencePrefixLength != 0 {
		fmt.Fprintf(&b, " -M /%d", s.PersistencePrefixLength)
	}
	if s.PersistenceEngine != "" {
		fmt.Fprintf(&b, " --pe %s", s.PersistenceEngine)
	}
	if len(s.SchedulerFlags) > 0 {
		fmt.Fprintf(&b, " -b %v", s.SchedulerFlags)
	}
	if s.OnePacketScheduling {
		b.WriteString(" -o")
	}
	if s.ApplicationHelper != "" {
		fmt.Fprintf(&b, ", helped by %s", s.ApplicationHelper)
	}
	return b.String()
}

// tellRealServer is what a real server has of its own.
func tellRealServer(s v1alpha1.CompiledRealServer) string {
	var b strings.Builder
	if s.UpperThreshold != 0 {
		fmt.Fprintf(&b, " -x %d -y %d", s.UpperThreshold, s.LowerThreshold)
	}
	if s.ForwardingMethod != "" {
		fmt.Fprintf(&b, ", %s", s.ForwardingMethod)
	}
	return b.String() + tellTunnel(s.Tunnel)
}

func tellTunnel(t *v1alpha1.CompiledTunnel) string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf(" (%s to port %d, checksum %s)", t.Type, t.Port, t.Checksum)
}

func hostPort(address v1alpha1.IPAddress, port int32) string {
	return net.JoinHostPort(string(address), fmt.Sprint(port))
}

func tellVerdict(v Verdict) string {
	if v.OK() {
		return "carried out"
	}
	var all []string
	for _, f := range v.Findings {
		all = append(all, fmt.Sprintf("%s=False %s: %s", f.Condition, f.Reason, f.Message))
	}
	return strings.Join(all, "; ")
}

func tellCheck(c *v1alpha1.CompiledHealthCheck) string {
	if c == nil {
		return "unchecked"
	}
	told := fmt.Sprintf("checked every %s for %s, %d retries after %s", c.Interval.Duration, c.Timeout.Duration, c.Retries, c.RetryDelay.Duration)
	if c.Rise > 1 {
		told += fmt.Sprintf(", up again after %d", c.Rise)
	}
	if d := c.FlapDamping; d != nil {
		told += fmt.Sprintf(", after %d falls within %s held down for %s", d.Falls, d.Window.Duration, d.HoldDown.Duration)
	}
	if c.Via != v1alpha1.ViaRealServer {
		told += ", via " + string(c.Via)
	}
	if c.Port != 0 {
		told += fmt.Sprintf(", on port %d", c.Port)
	}
	if h := c.HTTP; h != nil {
		told += fmt.Sprintf(", by http %s %s%s, headers %v, statuses %q, body %q", h.Method, h.Host, h.Path, h.Headers, h.Statuses, h.BodyRegex)
		if h.Version != v1alpha1.HTTP11 {
			told += fmt.Sprintf(", version %s", h.Version)
		}
		if h.WeightFrom != nil {
			told += fmt.Sprintf(", weight from header %q or body %q", h.WeightFrom.Header, h.WeightFrom.BodyRegex)
		}
		told += tellTLS(h.TLS)
	}
	if c.TLS != nil {
		told += tellTLS(c.TLS)
	}
	if g := c.GRPC; g != nil {
		told += fmt.Sprintf(", by grpc for %q", g.Service) + tellTLS(g.TLS)
	}
	return told + tellPacketCheck(c)
}

func tellTLS(c *v1alpha1.TLSClient) string {
	switch {
	case c == nil:
		return ""
	case c.InsecureSkipVerify:
		return fmt.Sprintf(", by tls with %q, unverified", c.ServerName)
	case c.CABundle != "":
		return fmt.Sprintf(", by tls with %q, signed by one of %d bytes", c.ServerName, len(c.CABundle))
	}
	return fmt.Sprintf(", by tls with %q", c.ServerName)
}

// tellSettings leaves out what every group has that asks for nothing.
func tellSettings(b *strings.Builder, group v1alpha1.NodeDirectorGroup) {
	if cmp.Equal(*group.IPVS, compileSettings(v1alpha1.DirectorGroupSpec{})) {
		return
	}
	fmt.Fprintf(b, "  settings of %s: --set %d %d %d\n", group.Name,
		group.IPVS.TCPTimeoutSeconds, group.IPVS.TCPFinTimeoutSeconds, group.IPVS.UDPTimeoutSeconds)
	for _, sysctl := range group.IPVS.Sysctls {
		fmt.Fprintf(b, "    %s=%s\n", sysctl.Name, sysctl.Value)
	}
}

func tellNode(b *strings.Builder, name string, spec v1alpha1.NodeStateSpec) {
	fmt.Fprintf(b, "Node %s\n", name)
	for _, group := range spec.DirectorGroups {
		if len(group.MarkRanges) > 0 {
			fmt.Fprintf(b, "  marks of %s: %v\n", group.Name, group.MarkRanges)
		}
		if marks := group.ProbeMarks; marks != nil {
			fmt.Fprintf(b, "  marks of checks of %s: %v\n", group.Name, *marks)
		}
		tellSettings(b, group)
		if sync := group.ConnectionSync; sync != nil {
			fmt.Fprintf(b, "  connection sync of %s: %s\n", group.Name, syncText(sync))
		}
		for _, r := range group.VirtualRouters {
			more := ""
			if r.Authentication != nil {
				more = ", password in " + r.Authentication.SecretRef.Name
			}
			if r.Lowered != "" {
				more += ", lowered: " + r.Lowered
			}
			if r.MoveTogether != "" {
				more += ", moves together as " + r.MoveTogether
			}
			if r.VirtualMAC {
				more += ", virtual MAC address"
			}
			if r.Closed {
				more += ", closed"
			}
			fmt.Fprintf(b, "  director of %s with %v: VRRPv%d id %d on %s, priority %d, every %s, preempt %t%s: %v\n", group.Name, group.AddressPools,
				r.Version, r.VirtualRouterID, r.Interface, r.Priority, r.AdvertisementInterval.Duration, r.Preempt, more, r.Addresses)
		}
	}
	if spec.RealServer != nil {
		fmt.Fprintf(b, "  real server of %v\n", spec.RealServer.Addresses)
	}
}
