// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package api

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// patience bounds every wait for the manager.
const patience = 30 * time.Second

// startManager runs cmd/manager as its service account until stop, or the test's end.
func startManager(t *testing.T, flags ...string) (stop func()) {
	t.Helper()
	dir := t.TempDir()
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := cp.ServiceAccountKubeconfig(t.Context(), kubeconfig, "", "", operatorNamespace, "lvs-operator-manager"); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	flags = append([]string{
		"--kubeconfig=" + kubeconfig, "--leader-elect", "--namespace=" + operatorNamespace, "--metrics-bind-address=0", "--health-probe-bind-address=0",
	}, flags...)
	cmd := exec.Command(managerBinary, flags...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the manager did not end in order: %v", err)
		}
		text, err := os.ReadFile(log.Name())
		if err != nil {
			t.Error(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, "forbidden") {
				t.Errorf("the manager logged: %s", line)
			}
		}
		if strings.Contains(string(text), `"1111"`) {
			t.Error("the log holds the password")
		}
	}
	t.Cleanup(stop)
	return stop
}

// eventually waits until what holds, and fails with its last word.
func eventually(t *testing.T, what string, holds func(ctx context.Context) (bool, string)) {
	t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(t.Context(), 5*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		ok, word := holds(ctx)
		last = word
		return ok, nil
	})
	if err != nil {
		t.Fatalf("%s: not within %s: %s", what, patience, last)
	}
}

// makeNode makes a Node as a kubelet does: its status apart from its labels.
func makeNode(t *testing.T, name, address string, labels map[string]string) {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if err := admin(t).Create(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}, {Type: corev1.NodeHostName, Address: name}}
	if err := admin(t).Status().Update(t.Context(), node); err != nil {
		t.Fatal(err)
	}
}

// fakeAgent reports, with the agent's rights, that a director has applied everything of the group that it can see, and has
// just entered the state.
func fakeAgent(t *testing.T, agent client.Client, node string, state v1alpha1.VRRPState) {
	t.Helper()
	fakeAgentSince(t, agent, node, state, metav1.Now())
}

// fakeAgentSince is fakeAgent of a director that has been in the state for longer.
func fakeAgentSince(t *testing.T, agent client.Client, node string, state v1alpha1.VRRPState, since metav1.Time) {
	t.Helper()
	const group = "edge"
	var services v1alpha1.ServiceSliceList
	var servers v1alpha1.RealServerSliceList
	ofGroup := client.MatchingLabels{v1alpha1.DirectorGroupLabel: group}
	if err := agent.List(t.Context(), &services, ofGroup); err != nil {
		t.Fatal(err)
	}
	if err := agent.List(t.Context(), &servers, ofGroup); err != nil {
		t.Fatal(err)
	}
	applied := map[string]int64{}
	for _, slice := range services.Items {
		applied[slice.Name] = slice.Generation
	}
	for _, slice := range servers.Items {
		applied[slice.Name] = slice.Generation
	}
	patchReport(t, agent, node, func(said *v1alpha1.NodeState) {
		said.Status.ObservedGeneration = said.Generation
		said.Status.Roles = []v1alpha1.NodeRole{v1alpha1.RoleDirector}
		said.Status.DirectorGroups = []v1alpha1.NodeDirectorGroupStatus{{
			Name:           group,
			VirtualRouters: []v1alpha1.VirtualRouterStatus{{VirtualRouterID: 66, State: state, Since: since}},
			Applied:        applied,
		}}
	})
}

// setDegraded reports, of the Active director, the services that have lost real servers.
func setDegraded(t *testing.T, agent client.Client, degraded ...v1alpha1.DegradedService) {
	t.Helper()
	patchReport(t, agent, "brucelee", func(state *v1alpha1.NodeState) { state.Status.DirectorGroups[0].Degraded = degraded })
}

// patchReport changes what a node's agent says.
func patchReport(t *testing.T, agent client.Client, node string, change func(*v1alpha1.NodeState)) {
	t.Helper()
	before := &v1alpha1.NodeState{}
	if err := agent.Get(t.Context(), client.ObjectKey{Name: node}, before); err != nil {
		t.Fatal(err)
	}
	after := before.DeepCopy()
	change(after)
	if err := agent.Status().Patch(t.Context(), after, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

// setNodeReady says, as the cluster's node controller does, whether it hears of the node's kubelet.
func setNodeReady(t *testing.T, name string, status corev1.ConditionStatus) {
	t.Helper()
	node := &corev1.Node{}
	if err := admin(t).Get(t.Context(), client.ObjectKey{Name: name}, node); err != nil {
		t.Fatal(err)
	}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: status}}
	if err := admin(t).Status().Update(t.Context(), node); err != nil {
		t.Fatal(err)
	}
}

// eventsOf writes down every event: reason, object, note.
func eventsOf(t *testing.T) string {
	t.Helper()
	return kubectl(t, "get", "events.events.k8s.io", "-A", "-o", "jsonpath={range .items[*]}{.reason} {.regarding.name} {.note}{\"\\n\"}{end}")
}

// hasEvents waits until each of the texts is in an event.
func hasEvents(t *testing.T, texts ...string) {
	t.Helper()
	eventually(t, "the events", func(context.Context) (bool, string) {
		got := eventsOf(t)
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(got, text) }), got
	})
}

// conditionOf is a condition of a virtual service as "True Reason: message", once it speaks of the present generation.
func conditionOf(ctx context.Context, c client.Client, key client.ObjectKey, conditionType string) string {
	service := &v1alpha1.VirtualService{}
	if err := c.Get(ctx, key, service); err != nil {
		return err.Error()
	}
	condition := meta.FindStatusCondition(service.Status.Conditions, conditionType)
	if condition == nil || condition.ObservedGeneration != service.Generation {
		return "not yet"
	}
	return fmt.Sprintf("%s %s: %s", condition.Status, condition.Reason, condition.Message)
}

// hasCondition waits until the condition begins with want.
func hasCondition(t *testing.T, c client.Client, key client.ObjectKey, conditionType, want string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s=%s of %s", conditionType, want, key), func(ctx context.Context) (bool, string) {
		got := conditionOf(ctx, c, key, conditionType)
		return strings.HasPrefix(got, want), got
	})
}

var tomcat = client.ObjectKey{Namespace: "web", Name: "tomcat"}

// TestTheTutorialThroughTheManager is one story: its parts build on each other.
func TestTheTutorialThroughTheManager(t *testing.T) {
	c, agent := admin(t), account(t, "lvs-operator-agent")
	stop := startManager(t)
	directors := map[string]string{"lvs-operator.io/director": "true"}
	makeNode(t, "master", "192.168.1.114", directors)
	makeNode(t, "brucelee", "192.168.1.112", directors)
	makeNode(t, "youzhibing", "192.168.1.111", nil)
	makeNode(t, "youzhibing03", "192.168.1.115", nil)

	t.Run("applied in one go, the samples become slices and NodeStates", func(t *testing.T) {
		kubectl(t, "apply", "-f", root+"/config/samples/tutorial/")
		eventually(t, "four NodeStates with their parts", func(ctx context.Context) (bool, string) {
			got := tellNodeStates(ctx, c)
			return got == tutorialNodeStates, got
		})
		if got := tellSlices(t, c); got != tutorialSlices {
			t.Errorf("slices:\n%s\nwant:\n%s", got, tutorialSlices)
		}
		hasCondition(t, c, tomcat, v1alpha1.ConditionAccepted, "True Accepted")
		hasCondition(t, c, tomcat, v1alpha1.ConditionProgrammed, "False Pending: director brucelee has not reported slice edge-0")
	})

	t.Run("it is Programmed when both directors have reported, and Ready with one Active", func(t *testing.T) {
		fakeAgent(t, agent, "master", v1alpha1.VRRPActive)
		hasCondition(t, c, tomcat, v1alpha1.ConditionProgrammed, "False Pending: director brucelee")
		fakeAgent(t, agent, "brucelee", v1alpha1.VRRPBackup)
		start := time.Now()
		hasCondition(t, c, tomcat, v1alpha1.ConditionProgrammed, "True")
		t.Logf("Programmed=True %s after the last director's report", time.Since(start).Round(time.Millisecond))
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "True Ready: master is Active with 2 of 2 real servers healthy")
	})

	t.Run("kubectl get lvs tells who is Active and how many real servers are healthy", func(t *testing.T) {
		eventually(t, "the group is Ready", func(context.Context) (bool, string) {
			got := strings.Join(strings.Fields(kubectl(t, "get", "dg", "edge", "--no-headers")), " ")
			return strings.HasPrefix(got, "edge eth0 66 master 2 1 True Ready"), got
		})
		got := kubectl(t, "get", "lvs", "-A")
		for _, want := range []string{
			"NAME INTERFACE ROUTER-ID ACTIVE DIRECTORS SERVICES READY REASON AGE",
			"NAMESPACE NAME ADDRESS PORT SCHEDULER METHOD ACTIVE HEALTHY PROGRAMMED READY REASON AGE",
			"web virtualservice.lvs-operator.io/tomcat 192.168.1.200 8080 wrr DirectRouting master 2/2 True True Ready",
			"web realserverpool.lvs-operator.io/tomcat 2 1 True Accepted",
			"nodestate.lvs-operator.io/master [\"Director\"]",
		} {
			if !strings.Contains(strings.Join(strings.Fields(got), " "), want) {
				t.Errorf("%q is not in:\n%s", want, got)
			}
		}
	})

	t.Run("a weight is one write", func(t *testing.T) {
		before := versions(t, c)
		kubectl(t, "patch", "rsp", "tomcat", "-n", "web", "--type=json", `-p=[{"op":"replace","path":"/spec/members/1/weight","value":1}]`)
		eventually(t, "the slice has the weight", func(context.Context) (bool, string) {
			got := tellSlices(t, c)
			return strings.Contains(got, "-r 192.168.1.115:0 -w 1"), got
		})
		for name, version := range versions(t, c) {
			if changed := version != before[name]; changed && !strings.HasPrefix(name, "RealServerSlice") {
				t.Errorf("%s was written too", name)
			}
		}
		hasCondition(t, c, tomcat, v1alpha1.ConditionProgrammed, "False Pending")
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "True")
		fakeAgent(t, agent, "master", v1alpha1.VRRPActive)
		fakeAgent(t, agent, "brucelee", v1alpha1.VRRPBackup)
		start := time.Now()
		hasCondition(t, c, tomcat, v1alpha1.ConditionProgrammed, "True")
		t.Logf("Programmed=True %s after the last director's report", time.Since(start).Round(time.Millisecond))
	})

	t.Run("a wrong service is told why and disturbs nothing", func(t *testing.T) {
		before := versions(t, c)
		for name, change := range map[string]func(*v1alpha1.VirtualService){
			"conflict":    func(*v1alpha1.VirtualService) {},
			"outside":     func(s *v1alpha1.VirtualService) { s.Spec.Address = "192.168.1.201" },
			"no-pool":     func(s *v1alpha1.VirtualService) { s.Spec.RealServerPool, s.Spec.Ports[0].Port = "jetty", 81 },
			"no-group":    func(s *v1alpha1.VirtualService) { s.Spec.DirectorGroup = "core" },
			"no-such-map": func(s *v1alpha1.VirtualService) { s.Spec.RealServerPool, s.Spec.Ports[0].Port = "mapped", 82 },
		} {
			if name == "no-such-map" {
				port := int32(8080)
				pool := &v1alpha1.RealServerPool{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "mapped"}}
				pool.Spec.Members = []v1alpha1.Member{{Address: "192.168.1.111", Port: &port}}
				create(t, c, pool)
			}
			service := &v1alpha1.VirtualService{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: name}}
			service.Spec = v1alpha1.VirtualServiceSpec{
				DirectorGroup: "edge", Address: "192.168.1.200", RealServerPool: "tomcat", Ports: []v1alpha1.ServicePort{{Name: "http", Port: 8080}},
			}
			change(service)
			create(t, c, service)
		}
		for name, want := range map[string][2]string{
			"conflict":    {v1alpha1.ConditionAccepted, "False Conflict: 192.168.1.200:8080/TCP belongs to VirtualService web/tomcat, which is older"},
			"outside":     {v1alpha1.ConditionAccepted, "False AddressNotInPool: 192.168.1.201 lies in no address pool of DirectorGroup edge, whose pools are public (192.168.1.200/32)"},
			"no-pool":     {v1alpha1.ConditionResolvedRefs, "False RealServerPoolNotFound: RealServerPool jetty does not exist in namespace web"},
			"no-group":    {v1alpha1.ConditionResolvedRefs, "False DirectorGroupNotFound: DirectorGroup core does not exist"},
			"no-such-map": {v1alpha1.ConditionAccepted, "False PortMismatch: real server 192.168.1.111 of RealServerPool mapped listens on port 8080 and port http is 82"},
		} {
			key := client.ObjectKey{Namespace: "web", Name: name}
			hasCondition(t, c, key, want[0], want[1])
			hasCondition(t, c, key, v1alpha1.ConditionProgrammed, "False NotAccepted")
		}
		sameVersions(t, before, versions(t, c))
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "True")
	})

	t.Run("an event tells of the conflict", func(t *testing.T) {
		eventually(t, "the event", func(context.Context) (bool, string) {
			got := kubectl(t, "get", "events.events.k8s.io", "-n", "web", "-o", "jsonpath={range .items[*]}{.reason} {.regarding.name}{\"\\n\"}{end}")
			return strings.Contains(got, "Conflict conflict"), got
		})
	})

	t.Run("a group with the same router id on the same nodes is refused", func(t *testing.T) {
		twin := &v1alpha1.DirectorGroup{}
		if err := c.Get(t.Context(), client.ObjectKey{Name: "edge"}, twin); err != nil {
			t.Fatal(err)
		}
		twin = &v1alpha1.DirectorGroup{ObjectMeta: metav1.ObjectMeta{Name: "twin"}, Spec: twin.Spec}
		create(t, c, twin)
		eventually(t, "Accepted=False", func(ctx context.Context) (bool, string) {
			if err := c.Get(ctx, client.ObjectKeyFromObject(twin), twin); err != nil {
				return false, err.Error()
			}
			condition := meta.FindStatusCondition(twin.Status.Conditions, v1alpha1.ConditionAccepted)
			return condition != nil && strings.HasPrefix(condition.Message, "virtual router id 66 on interface eth0 of node brucelee belongs to DirectorGroup edge"), fmt.Sprint(condition)
		})
	})

	t.Run("a hand-over whose two reports come apart is no split brain", func(t *testing.T) {
		fakeAgentSince(t, agent, "master", v1alpha1.VRRPActive, metav1.NewTime(time.Now().Add(-time.Minute)))
		fakeAgent(t, agent, "brucelee", v1alpha1.VRRPActive)
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "True Ready: brucelee is Active")
		fakeAgent(t, agent, "master", v1alpha1.VRRPBackup)
		hasEvents(t, "ActiveChanged edge director brucelee is Active, before it was master")
		if got := eventsOf(t); strings.Contains(got, "TwoActives edge") {
			t.Errorf("events:\n%s", got)
		}
	})

	t.Run("two that stay Active are one, though nothing new wakes the manager", func(t *testing.T) {
		fakeAgentSince(t, agent, "brucelee", v1alpha1.VRRPActive, metav1.NewTime(time.Now().Add(-time.Minute)))
		fakeAgent(t, agent, "master", v1alpha1.VRRPActive)
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "True Ready: master is Active")
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "False TwoActives")
		hasEvents(t, "TwoActives edge", "ActiveChanged edge director master is Active, before it was brucelee")
	})

	t.Run("a director dies while Active, and its Node becomes not ready last of all", func(t *testing.T) {
		fakeAgentSince(t, agent, "master", v1alpha1.VRRPActive, metav1.NewTime(time.Now().Add(-time.Hour)))
		fakeAgentSince(t, agent, "brucelee", v1alpha1.VRRPActive, metav1.NewTime(time.Now().Add(-time.Minute)))
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "False TwoActives")
		setNodeReady(t, "master", corev1.ConditionUnknown)
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "True Ready: brucelee is Active")
		hasCondition(t, c, tomcat, v1alpha1.ConditionProgrammed, "False NodeNotReady: director master: node is not ready")
		eventually(t, "the group says the same", func(context.Context) (bool, string) {
			got := kubectl(t, "get", "dg", "edge", "-o", `jsonpath={.status.active} {.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Ready")].message}`)
			return got == "brucelee True brucelee is Active; director master: node is not ready", got
		})
		setNodeReady(t, "master", corev1.ConditionTrue)
		fakeAgent(t, agent, "master", v1alpha1.VRRPBackup)
		hasCondition(t, c, tomcat, v1alpha1.ConditionProgrammed, "True")
	})

	t.Run("an event tells of a service that lost its Active director", func(t *testing.T) {
		fakeAgent(t, agent, "brucelee", v1alpha1.VRRPBackup)
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "False NoActive")
		hasEvents(t, "NoActive tomcat no director is Active; brucelee is Backup, master is Backup")
		fakeAgent(t, agent, "brucelee", v1alpha1.VRRPActive)
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "True")
		hasEvents(t, "ActiveChanged edge director brucelee is Active again")
	})

	t.Run("and of one that lost its last healthy real server", func(t *testing.T) {
		setDegraded(t, agent, v1alpha1.DegradedService{Service: "web/tomcat/http", RealServers: 2})
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "False NoHealthyRealServer")
		hasEvents(t, "NoHealthyRealServer tomcat director brucelee sees none of 2 real servers of port http healthy")
		setDegraded(t, agent)
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "True")
		hasEvents(t, "Served tomcat brucelee is Active with 2 of 2 real servers healthy")
	})

	t.Run("and of one whose quorum is lost, and what followed from it", func(t *testing.T) {
		lost := v1alpha1.DegradedService{Service: "web/tomcat/http", RealServers: 2, Healthy: 1, Consequence: v1alpha1.ConsequenceQuorumLost}
		setDegraded(t, agent, lost)
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "False QuorumLost")
		hasEvents(t, "QuorumLost tomcat director brucelee sees 1 of 2 real servers of port http healthy, which is no quorum; these serve alone")
		lost.Consequence = v1alpha1.ConsequenceSorryServer
		setDegraded(t, agent, lost)
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "False SorryServer")
		hasEvents(t, "SorryServer tomcat director brucelee sees 1 of 2 real servers of port http healthy, which is no quorum, and sends new connections to the sorryServer")
		setDegraded(t, agent)
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "True")
	})

	t.Run("what somebody else changes in a slice is put back", func(t *testing.T) {
		kubectl(t, "patch", "serviceslice", "edge-0", "--type=json", `-p=[{"op":"replace","path":"/spec/services/0/port","value":9}]`)
		eventually(t, "the port is back", func(context.Context) (bool, string) {
			got := tellSlices(t, c)
			return strings.Contains(got, "TCP 192.168.1.200:8080"), got
		})
		fakeAgent(t, agent, "master", v1alpha1.VRRPBackup)
		fakeAgent(t, agent, "brucelee", v1alpha1.VRRPActive)
		hasCondition(t, c, tomcat, v1alpha1.ConditionReady, "True")
	})

	t.Run("a new service is in slices at once", func(t *testing.T) {
		kubectl(t, "patch", "dg", "edge", "--type=json", `-p=[{"op":"add","path":"/spec/addressPools/0/cidrs/-","value":"192.168.1.208/28"}]`)
		service := &v1alpha1.VirtualService{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "second"}}
		service.Spec = v1alpha1.VirtualServiceSpec{
			DirectorGroup: "edge", Address: "192.168.1.210", RealServerPool: "tomcat", Ports: []v1alpha1.ServicePort{{Name: "http", Port: 80}},
		}
		eventually(t, "the pool is known", func(ctx context.Context) (bool, string) {
			got := tellNodeStates(ctx, c)
			return strings.Contains(got, "192.168.1.208/28"), got
		})
		start := time.Now()
		create(t, c, service)
		eventually(t, "the slice has it", func(context.Context) (bool, string) {
			got := tellSlices(t, c)
			return strings.Contains(got, "web/second/http"), got
		})
		t.Logf("in the slice %s after it was created", time.Since(start).Round(time.Millisecond))
		eventually(t, "the NodeStates have its address", func(ctx context.Context) (bool, string) {
			got := tellNodeStates(ctx, c)
			return strings.Count(got, "192.168.1.210") == 4, got
		})
		t.Logf("in all NodeStates %s after it was created", time.Since(start).Round(time.Millisecond))
		if got := conditionOf(t.Context(), c, tomcat, v1alpha1.ConditionProgrammed); !strings.HasPrefix(got, "True") {
			t.Errorf("the service beside it is no longer programmed: %s", got)
		}
		if err := c.Delete(t.Context(), service); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is gone again", func(ctx context.Context) (bool, string) {
			got := tellSlices(t, c) + tellNodeStates(ctx, c)
			return !strings.Contains(got, "192.168.1.210"), got
		})
	})

	t.Run("a new manager writes nothing", func(t *testing.T) {
		fakeAgent(t, agent, "master", v1alpha1.VRRPBackup)
		fakeAgent(t, agent, "brucelee", v1alpha1.VRRPActive)
		settled(t, c)
		stop()
		before := allVersions(t, c)
		restarted := startManager(t)
		leads(t)
		kubectl(t, "annotate", "dg", "edge", "woken=yes")
		// The new manager is through with everything when it has answered a new question.
		canary := &v1alpha1.VirtualService{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "canary"}}
		canary.Spec = v1alpha1.VirtualServiceSpec{
			DirectorGroup: "edge", Address: "192.0.2.1", RealServerPool: "no-pool", Ports: []v1alpha1.ServicePort{{Name: "http", Port: 80}},
		}
		create(t, c, canary)
		hasCondition(t, c, client.ObjectKeyFromObject(canary), v1alpha1.ConditionAccepted, "False AddressNotInPool")
		after := allVersions(t, c)
		delete(after, "VirtualService canary")
		delete(before, "DirectorGroup edge")
		delete(after, "DirectorGroup edge")
		sameVersions(t, before, after)
		restarted()
	})

	t.Run("a deleted group leaves nothing, even if it went while no manager ran", func(t *testing.T) {
		kubectl(t, "delete", "dg", "twin", "edge")
		startManager(t)
		eventually(t, "no slice and no part in a NodeState is left", func(ctx context.Context) (bool, string) {
			got := tellNodeStates(ctx, c) + tellSlices(t, c)
			return got == "brucelee\nmaster\nyouzhibing\nyouzhibing03\n", got
		})
		hasCondition(t, c, tomcat, v1alpha1.ConditionResolvedRefs, "False DirectorGroupNotFound")
		kubectl(t, "delete", "node", "youzhibing")
		eventually(t, "a Node that is gone has no NodeState", func(ctx context.Context) (bool, string) {
			got := tellNodeStates(ctx, c)
			return got == "brucelee\nmaster\nyouzhibing03\n", got
		})
	})
}

func create(t *testing.T, c client.Client, object client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// settled waits until nothing has been written for a second.
func settled(t *testing.T, c client.Client) {
	t.Helper()
	last, since := allVersions(t, c), time.Now()
	eventually(t, "nothing is written", func(context.Context) (bool, string) {
		now := allVersions(t, c)
		if !maps.Equal(last, now) {
			last, since = now, time.Now()
		}
		return time.Since(since) > time.Second, fmt.Sprint(now)
	})
}

// leads waits until a manager holds the Lease.
func leads(t *testing.T) {
	t.Helper()
	eventually(t, "a manager leads", func(context.Context) (bool, string) {
		got := kubectl(t, "get", "lease", "lvs-operator-manager", "-n", operatorNamespace, "-o", "jsonpath={.spec.holderIdentity}")
		return got != "", got
	})
}

const tutorialNodeStates = `brucelee edge [192.168.1.200/32] id 66 on eth0 v2 priority 99 every 1s preempt true edge-vrrp [192.168.1.200]
master edge [192.168.1.200/32] id 66 on eth0 v2 priority 100 every 1s preempt true edge-vrrp [192.168.1.200]
youzhibing real server of [192.168.1.200]
youzhibing03 real server of [192.168.1.200]
`

const tutorialSlices = `edge-44d941336b-0 web/tomcat every 6s for 10s, 3 retries after 3s
  -r 192.168.1.111:0 -w 3
  -r 192.168.1.115:0 -w 3
edge-0
  web/tomcat/http generation 1 TCP 192.168.1.200:8080 wrr DirectRouting 1 slices 4776f92866aaa209
`

// tellNodeStates writes down every NodeState.spec.
func tellNodeStates(ctx context.Context, c client.Client) string {
	var list v1alpha1.NodeStateList
	if err := c.List(ctx, &list); err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, state := range list.Items {
		b.WriteString(state.Name)
		for _, group := range state.Spec.DirectorGroups {
			for _, r := range group.VirtualRouters {
				fmt.Fprintf(&b, " %s %v id %d on %s v%d priority %d every %s preempt %t %s %v", group.Name, group.AddressPools, r.VirtualRouterID, r.Interface,
					r.Version, r.Priority, r.AdvertisementInterval.Duration, r.Preempt, r.Authentication.SecretRef.Name, r.Addresses)
			}
		}
		if state.Spec.RealServer != nil {
			fmt.Fprintf(&b, " real server of %v", state.Spec.RealServer.Addresses)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// tellSlices writes down every slice.
func tellSlices(t *testing.T, c client.Client) string {
	t.Helper()
	var servers v1alpha1.RealServerSliceList
	var services v1alpha1.ServiceSliceList
	if err := c.List(t.Context(), &servers); err != nil {
		t.Fatal(err)
	}
	if err := c.List(t.Context(), &services); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, slice := range servers.Items {
		check := slice.Spec.HealthCheck
		fmt.Fprintf(&b, "%s %s/%s every %s for %s, %d retries after %s\n", slice.Name, slice.Spec.Pool.Namespace, slice.Spec.Pool.Name,
			check.Interval.Duration, check.Timeout.Duration, check.Retries, check.RetryDelay.Duration)
		for _, server := range slice.Spec.RealServers {
			fmt.Fprintf(&b, "  -r %s:%d -w %d\n", server.Address, server.Port, server.Weight)
		}
	}
	for _, slice := range services.Items {
		fmt.Fprintf(&b, "%s\n", slice.Name)
		for _, s := range slice.Spec.Services {
			fmt.Fprintf(&b, "  %s generation %d %s %s:%d %s %s %d slices %s\n", s.ID, s.Generation, s.Protocol, s.Address, s.Port, s.Scheduler,
				s.ForwardingMethod, s.Pool.Slices, s.Pool.Hash)
		}
	}
	return b.String()
}

// versions are the resource versions of what the controller writes for agents.
func versions(t *testing.T, c client.Client) map[string]string {
	return versionsOf(t, c, &v1alpha1.ServiceSliceList{}, &v1alpha1.RealServerSliceList{}, &v1alpha1.NodeStateList{})
}

// allVersions are those of all six kinds.
func allVersions(t *testing.T, c client.Client) map[string]string {
	return versionsOf(t, c, &v1alpha1.ServiceSliceList{}, &v1alpha1.RealServerSliceList{}, &v1alpha1.NodeStateList{},
		&v1alpha1.DirectorGroupList{}, &v1alpha1.RealServerPoolList{}, &v1alpha1.VirtualServiceList{})
}

func versionsOf(t *testing.T, c client.Client, lists ...client.ObjectList) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, list := range lists {
		if err := c.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			object := item.(client.Object)
			kind := strings.TrimPrefix(fmt.Sprintf("%T", item), "*v1alpha1.")
			all[kind+" "+object.GetName()] = object.GetResourceVersion()
		}
	}
	return all
}

func sameVersions(t *testing.T, before, after map[string]string) {
	t.Helper()
	for name, version := range after {
		if before[name] != version {
			t.Errorf("%s was written: version %q became %q", name, before[name], version)
		}
	}
	if len(before) != len(after) {
		t.Errorf("%d objects became %d", len(before), len(after))
	}
}

func TestNobodyMayDoMoreThanItsRole(t *testing.T) {
	ensureDefaultNamespace(t)
	manager, agent := account(t, "lvs-operator-manager"), account(t, "lvs-operator-agent")
	inOperators, elsewhere := client.InNamespace(operatorNamespace), client.InNamespace("default")
	for _, attempt := range []struct {
		what    string
		try     func() error
		allowed bool
	}{
		{"the agent reads Secrets of the operator's namespace", func() error { return agent.List(t.Context(), &corev1.SecretList{}, inOperators) }, true},
		{"the agent reads Secrets elsewhere", func() error { return agent.List(t.Context(), &corev1.SecretList{}, elsewhere) }, false},
		{"the agent reads all Secrets", func() error { return agent.List(t.Context(), &corev1.SecretList{}) }, false},
		{"the agent reads virtual services", func() error { return agent.List(t.Context(), &v1alpha1.VirtualServiceList{}) }, false},
		{"the agent reads director groups", func() error { return agent.List(t.Context(), &v1alpha1.DirectorGroupList{}) }, false},
		{"the agent reads pools", func() error { return agent.List(t.Context(), &v1alpha1.RealServerPoolList{}) }, false},
		{"the agent reads Nodes", func() error { return agent.List(t.Context(), &corev1.NodeList{}) }, false},
		{"the agent reads slices", func() error { return agent.List(t.Context(), &v1alpha1.ServiceSliceList{}) }, true},
		{"the agent makes a NodeState", func() error { return agent.Create(t.Context(), forgedState(), client.DryRunAll) }, false},
		{"the agent deletes a NodeState", func() error { return agent.Delete(t.Context(), forgedState(), client.DryRunAll) }, false},
		{"the agent changes a NodeState's spec", func() error { return agent.Update(t.Context(), forgedState(), client.DryRunAll) }, false},
		{"the agent makes a slice", func() error {
			return agent.Create(t.Context(), &v1alpha1.ServiceSlice{ObjectMeta: metav1.ObjectMeta{Name: "forged"}}, client.DryRunAll)
		}, false},
		{"the manager reads Secrets of the operator's namespace", func() error { return manager.List(t.Context(), &corev1.SecretList{}, inOperators) }, false},
		{"the manager reads Secrets elsewhere", func() error { return manager.List(t.Context(), &corev1.SecretList{}, elsewhere) }, false},
		{"the manager writes a NodeState's status", func() error {
			return manager.Status().Update(t.Context(), forgedState(), client.DryRunAll)
		}, false},
		{"the manager changes a virtual service", func() error {
			return manager.Update(t.Context(), &v1alpha1.VirtualService{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "forged"}}, client.DryRunAll)
		}, false},
		{"the manager deletes a director group", func() error {
			return manager.Delete(t.Context(), &v1alpha1.DirectorGroup{ObjectMeta: metav1.ObjectMeta{Name: "forged"}}, client.DryRunAll)
		}, false},
	} {
		t.Run(attempt.what, func(t *testing.T) {
			err := attempt.try()
			if attempt.allowed && err != nil || !attempt.allowed && !apierrors.IsForbidden(err) {
				t.Errorf("allowed should be %t; answer: %v", attempt.allowed, err)
			}
		})
	}
}

func forgedState() *v1alpha1.NodeState {
	return &v1alpha1.NodeState{ObjectMeta: metav1.ObjectMeta{Name: "forged"}}
}
