package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/gatehouse-sso/gatehouse/porttest"
)

// Answer is what a process said to a question.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Answer asks a question once.
func (p *Process) Answer(ctx context.Context, q Question) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, q.Method, "http://"+p.Address+q.Path, strings.NewReader(q.Body))
	if err != nil {
		return Answer{}, err
	}
	request.Host = p.Host
	for _, h := range q.Header {
		request.Header.Set(h[0], h[1])
	}
	asked := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := asked.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header, body}, err
}

// Like returns an error when b differs from a in status, headers or body. Dates and request ids need only be as long.
func (a Answer) Like(b Answer) error {
	varies := func(name string, _ []string) bool { return name == "Date" || name == "X-Request-Id" }
	ours, theirs := a.Header.Clone(), b.Header.Clone()
	for _, name := range []string{"Date", "X-Request-Id"} {
		if len(a.Header.Get(name)) != len(b.Header.Get(name)) {
			return fmt.Errorf("%s is longer in one", name)
		}
	}
	maps.DeleteFunc(ours, varies)
	maps.DeleteFunc(theirs, varies)
	switch {
	case a.Status != b.Status:
		return fmt.Errorf("status %d and %d", a.Status, b.Status)
	case !bytes.Equal(a.Body, b.Body):
		return fmt.Errorf("bodies %q and %q", a.Body, b.Body)
	case !maps.EqualFunc(ours, theirs, slices.Equal):
		return fmt.Errorf("headers %v and %v", ours, theirs)
	}
	return nil
}

// AllLike asks all processes a question and returns an error when an answer is not like the sample.
func AllLike(ctx context.Context, sample Answer, q Question, processes ...*Process) error {
	for _, p := range processes {
		answer, err := p.Answer(ctx, q)
		if err == nil {
			err = sample.Like(answer)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.Address, err)
		}
	}
	return nil
}

// bareServer is the first argument of this program when it is the bare server.
const bareServer = "bare"

// StartBare starts the present program again, which must call ServeBare first of all, as a server with a bare net/http handler that reads
// the body and answers like the sample.
func StartBare(ctx context.Context, folder, host string, sample Answer) (*Process, error) {
	address, err := porttest.Address()
	if err != nil {
		return nil, err
	}
	told, err := json.Marshal(sample)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, bareServer, address)
	command.Stdin = bytes.NewReader(told)
	p := &Process{Address: address, Host: host, process: command}
	return p, p.Run(ctx, folder, "/")
}

// ServeBare is the bare server, and true, where this process was started as one.
func ServeBare() bool {
	if len(os.Args) != 3 || os.Args[1] != bareServer {
		return false
	}
	if err := serveBare(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func serveBare(address string) error {
	var same Answer
	if err := json.NewDecoder(os.Stdin).Decode(&same); err != nil {
		return err
	}
	for _, name := range []string{"Date", "Content-Length"} {
		same.Header.Del(name) // net/http writes them
	}
	server := http.Server{Addr: address, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		maps.Copy(w.Header(), same.Header)
		w.WriteHeader(same.Status)
		_, _ = w.Write(same.Body)
	})}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
