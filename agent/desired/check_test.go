// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func compiledCheck(change func(*v1alpha1.CompiledHealthCheck)) *v1alpha1.CompiledHealthCheck {
	compiled := &v1alpha1.CompiledHealthCheck{
		Interval: metav1.Duration{Duration: 5 * time.Second}, Timeout: metav1.Duration{Duration: 3 * time.Second}, Retries: 2, Port: 8081,
	}
	change(compiled)
	return compiled
}

func TestCheckByHTTPIsTakenOver(t *testing.T) {
	got, err := parseCheck(compiledCheck(func(c *v1alpha1.CompiledHealthCheck) {
		c.HTTP = &v1alpha1.CompiledHTTPCheck{
			Method: "GET", Path: "/healthz", Host: "shop.example", Headers: []v1alpha1.CompiledHTTPHeader{{Name: "X-Probe", Value: "7"}, {Name: "Empty"}},
			Statuses: "200-299,401", BodyRegex: "fine",
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := Check{Port: 8081, Spec: health.Spec{Interval: 5 * time.Second, Timeout: 3 * time.Second, Retries: 2, Check: check.HTTP{
		Method: check.Get, Path: "/healthz", Host: "shop.example", Header: "X-Probe: 7\r\nEmpty: \r\n", Statuses: "200-299,401", Body: "fine",
	}}}
	if *got != want {
		t.Errorf("got %+v\nwant %+v", *got, want)
	}
}

func TestHowARealServerComesUpAgainIsTakenOver(t *testing.T) {
	got, err := parseCheck(compiledCheck(func(c *v1alpha1.CompiledHealthCheck) {
		c.TCP, c.Rise = &v1alpha1.TCPCheck{}, 3
		c.FlapDamping = &v1alpha1.FlapDamping{Falls: 5, Window: metav1.Duration{Duration: 10 * time.Minute}, HoldDown: metav1.Duration{Duration: time.Minute}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := Check{Port: 8081, Spec: health.Spec{
		Check: check.TCP{}, Interval: 5 * time.Second, Timeout: 3 * time.Second, Retries: 2, Rise: 3,
		FlapDamping: health.FlapDamping{Falls: 5, Window: 10 * time.Minute, HoldDown: time.Minute},
	}}
	if *got != want {
		t.Errorf("got %+v\nwant %+v", *got, want)
	}
}

func TestChecksByLibrariesAreTakenOver(t *testing.T) {
	secure := &v1alpha1.TLSClient{ServerName: "shop.example", InsecureSkipVerify: true}
	client := check.TLSClient{ServerName: "shop.example", SkipVerify: true}
	request := v1alpha1.CompiledHTTPCheck{Method: "GET", Path: "/", Version: v1alpha1.HTTP11}
	by := func(version v1alpha1.HTTPVersion, tls *v1alpha1.TLSClient) *v1alpha1.CompiledHTTPCheck {
		c := request
		c.Version, c.TLS = version, tls
		return &c
	}
	plain := check.HTTP{Method: check.Get, Path: "/"}
	for _, tc := range []struct {
		change func(*v1alpha1.CompiledHealthCheck)
		want   check.Check
	}{
		{func(c *v1alpha1.CompiledHealthCheck) { c.HTTP = by(v1alpha1.HTTP11, nil) }, plain},
		{func(c *v1alpha1.CompiledHealthCheck) { c.HTTP = by("", nil) }, plain},
		{func(c *v1alpha1.CompiledHealthCheck) { c.HTTP = by(v1alpha1.HTTP2, nil) }, check.H2C{HTTP: plain}},
		{func(c *v1alpha1.CompiledHealthCheck) { c.HTTP = by(v1alpha1.HTTP11, secure) }, check.HTTPS{HTTP: plain, TLS: client}},
		{func(c *v1alpha1.CompiledHealthCheck) { c.HTTP = by(v1alpha1.HTTP2, secure) }, check.HTTPS{HTTP: plain, TLS: client, Version2: true}},
		{func(c *v1alpha1.CompiledHealthCheck) { c.TLS = secure }, check.TLS{Client: client}},
		{func(c *v1alpha1.CompiledHealthCheck) { c.GRPC = &v1alpha1.GRPCCheck{Service: "a"} }, check.GRPC{Service: "a"}},
		{func(c *v1alpha1.CompiledHealthCheck) { c.GRPC = &v1alpha1.GRPCCheck{TLS: secure} }, check.GRPC{Secure: true, TLS: client}},
	} {
		if got, err := parseCheck(compiledCheck(tc.change)); err != nil || got.Spec.Check != tc.want {
			t.Errorf("got %+v (%v), want %+v", got, err, tc.want)
		}
	}
}

func TestCheckThatThisAgentDoesNotKnowIsRefused(t *testing.T) {
	for want, change := range map[string]func(*v1alpha1.CompiledHealthCheck){
		"health check has no kind": func(*v1alpha1.CompiledHealthCheck) {},
		`health check http PUT /: method "PUT": want GET, HEAD or OPTIONS`: func(c *v1alpha1.CompiledHealthCheck) {
			c.HTTP = &v1alpha1.CompiledHTTPCheck{Method: "PUT", Path: "/"}
		},
		"health check flapDamping.falls 0 must lie between 2 and 16": func(c *v1alpha1.CompiledHealthCheck) {
			c.TCP = &v1alpha1.TCPCheck{}
			c.FlapDamping = &v1alpha1.FlapDamping{Window: metav1.Duration{Duration: time.Minute}, HoldDown: metav1.Duration{Duration: time.Minute}}
		},
		"health check tls: CA bundle holds no certificate in PEM": func(c *v1alpha1.CompiledHealthCheck) { c.TLS = &v1alpha1.TLSClient{CABundle: "x"} },
	} {
		if _, err := parseCheck(compiledCheck(change)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
