package bench

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse-sso/gatehouse/porttest"
)

// patience is how long a process may take to be ready or to end.
const patience = 30 * time.Second

// Build makes the program as it ships and returns its path.
func Build(ctx context.Context, folder string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	program := filepath.Join(folder, "gatehouse")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".")
	build.Dir, build.Env = strings.TrimSpace(string(root)), append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build gatehouse: %w\n%s", err, output)
	}
	return program, nil
}

// Process is something that serves HTTP and is measured.
type Process struct {
	Address string        // host:port
	Host    string        // as in the Host header
	Ready   time.Duration // from the start of the process to its first good answer
	metrics string        // host:port, "" where there are none
	process *exec.Cmd
	log     string // file
}

// Start starts the program on a database and returns once it is ready. Its log is a file in the folder.
func Start(ctx context.Context, program, folder, database string, masterKey []byte) (*Process, error) {
	address, err := porttest.Address()
	if err != nil {
		return nil, err
	}
	metrics, err := porttest.Address()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	p := &Process{Address: address, Host: "localhost:" + port, metrics: metrics, process: exec.Command(program, "serve")}
	p.process.Env = append(os.Environ(), "GATEHOUSE_LOG=json", "GATEHOUSE_URL=http://"+p.Host, "GATEHOUSE_LISTEN="+address,
		"GATEHOUSE_METRICS_LISTEN="+metrics, "GATEHOUSE_DATABASE="+database, "GATEHOUSE_MASTER_KEY="+base64.StdEncoding.EncodeToString(masterKey))
	return p, p.Run(ctx, folder, "/readyz")
}

// StartOther starts another program of ours that listens on the address and answers the path with 200 once it is ready.
func StartOther(ctx context.Context, folder, address, ready string, command *exec.Cmd) (*Process, error) {
	p := &Process{Address: address, Host: address, process: command}
	return p, p.Run(ctx, folder, ready)
}

// Run starts the process and waits until it answers the path with 200.
func (p *Process) Run(ctx context.Context, folder, path string) error {
	log, err := os.CreateTemp(folder, "log-")
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	p.log, p.process.Stdout, p.process.Stderr = log.Name(), log, log
	began := time.Now()
	if err := p.process.Start(); err != nil {
		return err
	}
	for !p.answers(path) {
		if ctx.Err() != nil || time.Since(began) > patience {
			return fmt.Errorf("%s is not ready: %s %w", p.process.Path, p.Said(), errors.Join(ctx.Err(), p.Stop()))
		}
		time.Sleep(time.Millisecond)
	}
	p.Ready = time.Since(began)
	return nil
}

func (p *Process) answers(path string) bool {
	answer, err := http.Get("http://" + p.Address + path)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err == nil && answer.StatusCode == http.StatusOK
}

// Stop ends the process, which must go well.
func (p *Process) Stop() error {
	if err := p.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	kill := time.AfterFunc(patience, func() { _ = p.process.Process.Kill() })
	defer kill.Stop()
	if err := p.process.Wait(); err != nil {
		return fmt.Errorf("%s ended with %w: %s", p.process.Path, err, p.Said())
	}
	return nil
}

// Said is the process's log.
func (p *Process) Said() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4096):])
}

// Resident is how much memory the process has, in MB of 2^20 bytes.
func (p *Process) Resident() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kilobytes float64
	_, err = fmt.Sscan(rest, &kilobytes)
	return kilobytes / 1024, err
}

// Processor is how many seconds of processor time the process has used, in steps of 10 ms.
func (p *Process) Processor() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return float64(user+system) / 100, err
}

// Metric is the value of a metric without labels.
func (p *Process) Metric(name string) (value float64, err error) {
	answer, err := http.Get("http://" + p.metrics + "/metrics")
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(text), "\n"+name+" ")
	if !found {
		return 0, fmt.Errorf("there is no metric %s", name)
	}
	_, err = fmt.Sscan(rest, &value)
	return value, err
}
