// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// answering dials real servers in memory, one a name in turn. A name of "" is one that takes a connection and says
// nothing.
func answering(names ...string) Dial {
	var next atomic.Int64
	return func(context.Context) (net.Conn, error) {
		name := names[int(next.Add(1)-1)%len(names)]
		client, server := net.Pipe()
		if name != "" {
			go echo(context.Background(), server, name)
		}
		return client, nil
	}
}

func TestServerSaysItsNameAndEchoes(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- Serve(ctx, listener, "rs1") }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "line\n"); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	for _, want := range []string{"rs1\n", "line\n"} {
		if got, err := reader.ReadString('\n'); got != want || err != nil {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if _, err := reader.ReadByte(); err == nil {
		t.Error("the connection outlived its server")
	}
}

func TestConnectionOutlivesTheBoundOfItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		name, conn, err := Connect(ctx, answering("rs1"))
		if err != nil || name != "rs1" {
			t.Fatalf("got %q, %v", name, err)
		}
		defer func() { _ = conn.Close() }()
		<-time.After(time.Minute)
		if _, err := io.WriteString(conn, "line\n"); err != nil {
			t.Fatal(err)
		}
		if echo, err := bufio.NewReader(conn).ReadString('\n'); echo != "line\n" || err != nil {
			t.Errorf("got %q, %v", echo, err)
		}
	})
}

func TestDatagramIsAnsweredWithTheServersName(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- ServeDatagrams(ctx, server, "rs1") }()
	conn, err := net.Dial("udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	answer := make([]byte, maxAnswer)
	for range 2 {
		if _, err := conn.Write([]byte("?")); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(answer); string(answer[:n]) != "rs1" || err != nil {
			t.Fatalf("got %q, %v", answer[:n], err)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestPollSeesTheSpreadOverRealServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := map[string]int{}
		poll := Poll{Dial: answering("rs1", "rs1", "rs1", "rs2"), Every: time.Second, Timeout: time.Second, Count: 100}
		if err := poll.Run(t.Context(), func(try Try) { counts[try.Answer]++ }); err != nil {
			t.Fatal(err)
		}
		if counts["rs1"] != 75 || counts["rs2"] != 25 {
			t.Errorf("spread %v, want 75 and 25", counts)
		}
	})
}

func TestPollKeepsItsScheduleWhileATryHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var ended []int
		poll := Poll{Dial: answering("rs1", "", "rs1", "rs1"), Every: 10 * time.Millisecond, Timeout: 25 * time.Millisecond, Count: 4}
		err := poll.Run(t.Context(), func(try Try) {
			ended = append(ended, try.Number)
			if due := start.Add(time.Duration(try.Number) * poll.Every); !try.Start.Equal(due) {
				t.Errorf("try %d began %s late", try.Number, try.Start.Sub(due))
			}
			if try.Number == 1 && (try.Failure != Timeout || try.Milliseconds != 25) {
				t.Errorf("hanging try ended with %q after %v ms, want a timeout after 25", try.Failure, try.Milliseconds)
			}
			if try.Number != 1 && try.Answer != "rs1" {
				t.Errorf("try %d: %q", try.Number, try.Error)
			}
		})
		if want := []int{0, 2, 3, 1}; err != nil || !slices.Equal(ended, want) {
			t.Errorf("tries ended in the order %v, want %v; %v", ended, want, err)
		}
	})
}

func TestPollThatIsStoppedLeavesUnfinishedTriesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Millisecond)
		defer cancel()
		stopped, stop := context.WithCancel(context.Background())
		context.AfterFunc(ctx, stop)
		tries := 0
		poll := Poll{Dial: answering("rs1", "rs1", ""), Every: 10 * time.Millisecond, Timeout: time.Second}
		if err := poll.Run(stopped, func(Try) { tries++ }); err != nil || tries != 2 {
			t.Errorf("%d tries reported, want the 2 that were answered; %v", tries, err)
		}
	})
}

func TestPollRefusesMoreTriesThanItBounds(t *testing.T) {
	for _, poll := range []Poll{
		{Every: 0, Timeout: time.Second},
		{Every: time.Second},
		{Every: time.Microsecond, Timeout: time.Second},
	} {
		if err := poll.Run(t.Context(), nil); err == nil {
			t.Errorf("every %s with timeout %s was taken", poll.Every, poll.Timeout)
		}
	}
}

func TestHeldConnectionReportsItsLongestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		go func() {
			_, _ = io.WriteString(server, "rs1\n")
			lines := bufio.NewReader(server)
			for number := 0; ; number++ {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				if number == 2 {
					<-time.After(700 * time.Millisecond) // the director changes
				}
				if number == 4 {
					_ = server.Close()
					return
				}
				_, _ = io.WriteString(server, line)
			}
		}()
		hold := Hold{Dial: func(context.Context) (net.Conn, error) { return client, nil }, Every: 100 * time.Millisecond, Timeout: time.Second}
		var connected string
		held, err := hold.Run(t.Context(), func(name string) { connected = name })
		want := Held{Answer: "rs1", Echoes: 4, LongestMilliseconds: 700, Failure: Closed, Error: "EOF"}
		if err != nil || held != want || connected != "rs1" {
			t.Errorf("got %+v, %v; want %+v", held, err, want)
		}
	})
}

func TestHeldConnectionThatItsClientEndsHasNotFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		held, err := Hold{Dial: answering("rs1"), Every: 100 * time.Millisecond, Timeout: time.Second}.Run(ctx, nil)
		if want := (Held{Answer: "rs1", Echoes: 3}); err != nil || held != want {
			t.Errorf("got %+v, %v; want %+v", held, err, want)
		}
	})
}

func TestFailuresAreToldApart(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dial := DialTCP(listener.Addr().String())
	reset := make(chan struct{})
	go func() {
		defer close(reset)
		conn, err := listener.Accept()
		if err == nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}()
	_, err = ask(t.Context(), dial)
	if got := classify(err); got != Reset {
		t.Errorf("connection reset: %q, %v", got, err)
	}
	<-reset
	_ = listener.Close()
	_, err = ask(t.Context(), dial)
	if got := classify(err); got != Refused {
		t.Errorf("nothing listens: %q, %v", got, err)
	}
	for err, want := range map[error]Failure{
		&net.OpError{Err: syscall.EHOSTUNREACH}: Unreachable,
		&net.OpError{Err: syscall.ENETUNREACH}:  Unreachable,
		&net.OpError{Err: syscall.ETIMEDOUT}:    Timeout,
		context.DeadlineExceeded:                Timeout,
		context.Canceled:                        Stopped,
		io.EOF:                                  Closed,
		errors.New("something else"):            Other,
	} {
		if got := classify(err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
}

func TestServerThatSaysTooMuchIsNoAnswer(t *testing.T) {
	if _, err := ask(t.Context(), answering(strings.Repeat("x", maxAnswer+1))); err == nil {
		t.Error("an answer of more than 256 bytes was taken")
	}
}
