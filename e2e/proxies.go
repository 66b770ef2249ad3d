package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// project is a project of a Gatehouse of its own, whose owner needs no
// browser, and a small program that a proxy is to stand in front of.
type project struct {
	t         *testing.T
	gatehouse *Gatehouse
	owner     *Visitor
	password  string
	path      string // of the project's pages
	id        string
	program   *httptest.Server
	reached   atomic.Int64 // requests that came through
}

const ownersAddress = "ada@corp.example"

// newProject starts everything but the proxy.
func newProject(t *testing.T, settings map[string]string) *project {
	t.Helper()
	p := &project{t: t, password: "seven tidy harbour lamps"}
	all := map[string]string{"GATEHOUSE_TRUSTED_PROXIES": "127.0.0.1"}
	for name, value := range settings {
		all[name] = value
	}
	p.gatehouse = StartGatehouse(t, all)
	p.gatehouse.Secret(p.password)
	p.owner = p.gatehouse.Visitor(t)
	link := p.gatehouse.Printed(firstRunLink)
	form := p.owner.Submit(p.owner.Get(link))
	landed := p.owner.Submit(form, "name", "Ada Lovelace", "email", ownersAddress, "password", p.password, "organization", "Acme").Want(t, http.StatusSeeOther)
	home, _, _ := strings.Cut(landed.Location, "?")
	p.make(home+"/projects", "Search")
	p.program = httptest.NewServer(http.HandlerFunc(p.answer))
	t.Cleanup(p.program.Close)
	return p
}

// make makes the project itself, in the console.
func (p *project) make(projects, name string) {
	p.t.Helper()
	p.path = p.owner.Post(projects, url.Values{"name": {name}, "kind": {"serverless"}}).Want(p.t, http.StatusSeeOther).Location
	p.id = p.path[strings.LastIndex(p.path, "/")+1:]
}

// beside is another project of the same organization; no proxy asks about it.
func (p *project) beside(name string) *project {
	p.t.Helper()
	other := &project{t: p.t, gatehouse: p.gatehouse, owner: p.owner, password: p.password}
	other.make(p.path[:strings.LastIndex(p.path, "/")], name)
	return other
}

// answer is the program: a page that shows what it was told about its visitor.
func (p *project) answer(w http.ResponseWriter, r *http.Request) {
	p.reached.Add(1)
	told := map[string][]string{}
	for name, values := range r.Header {
		if lower := strings.ToLower(name); strings.Contains(lower, "gatehouse") || lower == "api-key" || lower == "cookie" {
			told[name] = values
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!doctype html><html lang=en><title>Program</title><h1>Program</h1><p>%s %s for %s</p><script type=application/json>", r.Method, r.URL.Path, r.Header.Get("X-Gatehouse-Principal"))
	_ = json.NewEncoder(w).Encode(told) // the proxy has gone
	fmt.Fprint(w, "</script>")
}

var mintedKey = regexp.MustCompile(`gate_[0-9a-z]{26}_[0-9A-Za-z]{49}`)

// mint makes a key in the console; fields are names and values in turn.
func (p *project) mint(name string, fields ...string) string {
	p.t.Helper()
	form := url.Values{"name": {name}, "expires": {"30"}, "permissions": {"all"}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	key := mintedKey.FindString(p.owner.Post(p.path+"/api-keys", form).Page)
	if key == "" {
		p.t.Fatalf("no key was shown")
	}
	p.gatehouse.Secret(key)
	return key
}

// configuration is the block of docs/gate.md in that language, as it stands
// there, but for addresses, the host and the project.
func (p *project) configuration(language, trialHost, host string) string {
	p.t.Helper()
	page, err := os.ReadFile(filepath.Join(sourceFolder(), "..", "docs", "gate.md"))
	if err != nil {
		p.t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)\n```" + language + "\n(.*?)\n```\n").FindSubmatch(page)
	if block == nil {
		p.t.Fatalf("docs/gate.md has no block of %s", language)
	}
	_, trialPort, _ := net.SplitHostPort(trialHost)
	_, port, _ := net.SplitHostPort(host)
	return strings.NewReplacer(
		"127.0.0.1:8080", p.gatehouse.listen, "127.0.0.1:9000", p.program.Listener.Addr().String(),
		trialHost, host, "127.0.0.1:"+trialPort, "127.0.0.1:"+port, "prj_00000000000000000000000000", p.id,
	).Replace(string(block[1])) + "\n"
}

// proxied is the program behind a proxy.
type proxied struct {
	*project
	host string // app.localhost:port
}

// behindNginx starts nginx as docs/gate.md has it.
func (p *project) behindNginx() *proxied {
	p.t.Helper()
	program := requireProgram(p.t, "nginx", "nginx", "/usr/sbin/nginx")
	host := "app.localhost:" + freePort(p.t)
	folder := p.t.TempDir()
	// Where it may write is this machine's to say.
	text := strings.Replace(p.configuration("nginx", "app.localhost:8088", host), "http {", `http {
    access_log off;
    client_body_temp_path `+folder+`/body; proxy_temp_path `+folder+`/proxy; fastcgi_temp_path `+folder+`/fastcgi; uwsgi_temp_path `+folder+`/uwsgi; scgi_temp_path `+folder+`/scgi;`, 1)
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	global := "daemon off; pid " + folder + "/pid;"
	if os.Geteuid() == 0 {
		global += " user root;"
	}
	p.run(host, exec.Command(program, "-c", file, "-e", "stderr", "-g", global), "nginx.log", syscall.SIGQUIT)
	return &proxied{p, host}
}

// behindCaddy starts Caddy as docs/gate.md has it.
func (p *project) behindCaddy() *proxied {
	p.t.Helper()
	program := requireProgram(p.t, "Caddy", "caddy")
	host := "app.localhost:" + freePort(p.t)
	folder := p.t.TempDir()
	file := filepath.Join(folder, "Caddyfile")
	if err := os.WriteFile(file, []byte(p.configuration("caddyfile", "app.localhost:8089", host)), 0o600); err != nil {
		p.t.Fatal(err)
	}
	command := exec.Command(program, "run", "--config", file, "--adapter", "caddyfile")
	command.Env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder)
	p.run(host, command, "caddy.log", syscall.SIGTERM)
	return &proxied{p, host}
}

// run runs a proxy until the test ends, and returns once it takes connections.
func (p *project) run(host string, command *exec.Cmd, logName string, end syscall.Signal) {
	p.t.Helper()
	log, err := os.Create(artefact(p.t, logName))
	if err != nil {
		p.t.Fatal(err)
	}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		p.t.Fatalf("start %s: %v", command.Path, err)
	}
	p.t.Cleanup(func() {
		_ = command.Process.Signal(end)
		_ = command.Wait() // ended by our signal
		_ = log.Close()
	})
	_, port, _ := net.SplitHostPort(host)
	err = eventually(func() error {
		connection, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			err = connection.Close()
		}
		return err
	})
	if err != nil {
		p.t.Fatalf("%s does not listen: %v (see %s)", command.Path, err, log.Name())
	}
}

// register makes the host one of the project's.
func (p *proxied) register() {
	p.t.Helper()
	p.owner.Post(p.path+"/hosts", url.Values{"name": {p.host}}).Want(p.t, http.StatusSeeOther)
}

// client is a program, or a browser without scripts, at the proxy. It keeps
// cookies by host and follows nothing.
func (p *proxied) client() *http.Client {
	_, port, _ := net.SplitHostPort(p.host)
	transport := &http.Transport{MaxIdleConnsPerHost: 16, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasSuffix(address, ":"+port) {
			address = "127.0.0.1:" + port
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Jar: &jars{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// jars are one jar for each host.
type jars struct{ byHost sync.Map }

func (j *jars) of(u *url.URL) *jar {
	one, _ := j.byHost.LoadOrStore(u.Host, &jar{cookies: map[string]*http.Cookie{}})
	return one.(*jar)
}

func (j *jars) SetCookies(u *url.URL, cookies []*http.Cookie) { j.of(u).SetCookies(u, cookies) }
func (j *jars) Cookies(u *url.URL) []*http.Cookie             { return j.of(u).Cookies(u) }

// reply is what came back through the proxy.
type reply struct {
	*http.Response
	page string
}

// ask sends a request through the proxy; header are names and values in turn.
func (p *proxied) ask(client *http.Client, method, path string, header ...string) (reply, error) {
	request, err := http.NewRequest(method, "http://"+p.host+path, nil)
	if err != nil {
		return reply{}, err
	}
	for i := 0; i < len(header); i += 2 {
		request.Header[header[i]] = append(request.Header[header[i]], header[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return reply{response, string(body)}, err
}

// want asks and fails the test when the answer has another status, or the
// request reached the program although it was refused.
func (p *proxied) want(status int, method, path string, header ...string) reply {
	p.t.Helper()
	before := p.reached.Load()
	got, err := p.ask(p.client(), method, path, header...)
	if err != nil {
		p.t.Fatal(err)
	}
	if got.StatusCode != status {
		p.t.Errorf("%s %s: %d, want %d: %.300s", method, path, got.StatusCode, status, got.page)
	}
	if through := p.reached.Load() - before; (through == 1) != (status == http.StatusOK) {
		p.t.Errorf("%s %s: %d, and reached the program %d times", method, path, got.StatusCode, through)
	}
	return got
}
