// Command nginx measures nginx in front of a small upstream with and without auth_request to GET /v1/authorize of the real binary, as
// shipped with its logs and metrics, and with auth_request to a bare net/http handler that answers like it. All are processes of their own
// on this machine; nginx keeps its connections to those behind it.
//
// They do the same job when the upstream's answer through nginx is the same in status, headers and body; through Gatehouse it is, besides,
// refused without a key.
//
//	go run ./bench/nginx
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gatehouse-sso/gatehouse/bench"
	"github.com/gatehouse-sso/gatehouse/porttest"
)

var (
	seconds = flag.Int("seconds", 3, "of one measurement")
	program = flag.String("program", "", "a binary that is built already")
)

const connections = 32

func main() {
	bench.Main(func(ctx context.Context, folder string) error {
		return run(ctx, folder, func(c bench.Comparison) error { return c.Measure(os.Stdout) })
	})
}

// house is everything that runs.
type house struct {
	key                       string
	gatehouse, bare, upstream *bench.Process
	open, asksBare, asks      *bench.Process // nginx without auth_request, with it to bare, and with it to Gatehouse
	stops                     []func() error
}

func (h *house) stop() error {
	var problems []error
	for at := len(h.stops) - 1; at >= 0; at-- {
		problems = append(problems, h.stops[at]())
	}
	return errors.Join(problems...)
}

// started notes a process that runs, to be stopped at the end.
func (h *house) started(p *bench.Process, err error) (*bench.Process, error) {
	if err == nil {
		h.stops = append(h.stops, p.Stop)
	}
	return p, err
}

func run(ctx context.Context, folder string, take func(bench.Comparison) error) (err error) {
	h := &house{}
	defer func() { err = errors.Join(err, h.stop()) }()
	if err := h.start(ctx, folder); err != nil {
		return err
	}
	question := bench.Question{Method: "GET", Path: "/", Header: [][2]string{{"Authorization", "Bearer " + h.key}}}
	side := func(name string, nginx *bench.Process) bench.LoadSide {
		return bench.LoadSide{Name: name, Run: func() (bench.Load, error) { return nginx.Ask(ctx, folder, question, connections, *seconds) }}
	}
	return take(bench.Rates(bench.Comparison{
		Title:   "nginx in front of a small upstream",
		Against: fmt.Sprintf("nginx as one process, whose processor time it is, asked by wrk with %d connections for %d s", connections, *seconds),
		Same:    func() error { return h.sameJob(ctx, question) },
	}, "", "", side("without auth_request", h.open), side("auth_request to a bare handler", h.asksBare), side("auth_request to Gatehouse, as shipped", h.asks)))
}

func (h *house) start(ctx context.Context, folder string) (err error) {
	binary := *program
	if binary == "" {
		if binary, err = bench.Build(ctx, folder); err != nil {
			return err
		}
	}
	file, masterKey := filepath.Join(folder, "gatehouse.db"), bench.NewMasterKey()
	keys, err := bench.LoadKeys(ctx, file, masterKey, 1, 1)
	if err != nil {
		return err
	}
	h.key = keys[0]
	if h.gatehouse, err = h.started(bench.Start(ctx, binary, folder, "sqlite:"+file, masterKey)); err != nil {
		return err
	}
	sample, err := h.gatehouse.Answer(ctx, bench.Authorize(h.key))
	if err != nil {
		return err
	}
	if h.bare, err = h.started(bench.StartBare(ctx, folder, h.gatehouse.Host, sample)); err != nil {
		return err
	}
	small := bench.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte("hello\n")}
	if h.upstream, err = h.started(bench.StartBare(ctx, folder, "upstream.test", small)); err != nil {
		return err
	}
	for nginx, decides := range map[**bench.Process]*bench.Process{&h.open: nil, &h.asksBare: h.bare, &h.asks: h.gatehouse} {
		if *nginx, err = h.started(h.nginx(ctx, folder, decides)); err != nil {
			return err
		}
	}
	return nil
}

// sameJob returns an error unless all three lead to the same answer, and Gatehouse's to none without a key.
func (h *house) sameJob(ctx context.Context, question bench.Question) error {
	sample, err := h.open.Answer(ctx, question)
	if err != nil {
		return err
	}
	if err := bench.AllLike(ctx, sample, question, h.asksBare, h.asks); err != nil {
		return err
	}
	question.Header = nil
	refused, err := h.asks.Answer(ctx, question)
	if err == nil && refused.Status != http.StatusUnauthorized {
		err = fmt.Errorf("without a key nginx answers %d", refused.Status)
	}
	return err
}

// configuration of nginx: its folder, its address, the upstream's, who decides, and what is asked before a request is passed on.
const configuration = `daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 1024; }
http {
	access_log off; keepalive_requests 1000000;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	upstream upstream { server %[3]s; keepalive 64; keepalive_requests 1000000; }
	upstream decides { server %[4]s; keepalive 64; keepalive_requests 1000000; }
	proxy_http_version 1.1; proxy_set_header Connection "";
	server {
		listen %[2]s;
		location = /ready { return 200; }
		location / { %[5]s proxy_pass http://upstream; }
		location = /authorize {
			internal; proxy_pass http://decides/v1/authorize?permission=indexes:query; proxy_pass_request_body off;
			proxy_set_header Content-Length ""; proxy_set_header Connection ""; proxy_set_header Host %[6]s;
			proxy_set_header X-Original-URI $request_uri; proxy_set_header X-Original-Method $request_method;
		}
	}
}
`

// nginx starts one that asks whoever decides, or nobody.
func (h *house) nginx(ctx context.Context, parent string, decides *bench.Process) (*bench.Process, error) {
	folder, err := os.MkdirTemp(parent, "nginx-")
	if err != nil {
		return nil, err
	}
	address, err := porttest.Address()
	if err != nil {
		return nil, err
	}
	before := "auth_request /authorize;"
	if decides == nil {
		before, decides = "", h.gatehouse
	}
	text := fmt.Sprintf(configuration, folder, address, h.upstream.Address, decides.Address, before, h.gatehouse.Host)
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return bench.StartOther(ctx, folder, address, "/ready", exec.Command("nginx", "-p", folder, "-c", file, "-e", filepath.Join(folder, "error.log")))
}
