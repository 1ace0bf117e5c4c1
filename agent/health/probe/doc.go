// SPDX-License-Identifier: Apache-2.0

// Package probe makes the checks of real servers with the kernel's sockets; it never decides whether a real server is up, never repeats a
// check and keeps nothing between two checks.
//
// What a check says, and what it makes of the answer, is package check's, and of DNS package dnsquery's. Checks of a few packets (TCP, plain
// HTTP, UDP, SMTP, DNS, ping) are made by one goroutine with non-blocking sockets under one epoll(7): a handful of system calls each. Others
// (TLS, HTTPS, HTTP/2, gRPC) are made by libraries, each in a goroutine.
package probe
