package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/gatehouse-sso/gatehouse/porttest"
)

const (
	owner      = "gatehouse"
	startLimit = 30 * time.Second
	stopLimit  = 10 * time.Second
)

// cluster is one running PostgreSQL server and the folder it lives in.
type cluster struct {
	folder string
	host   string // 127.0.0.1:port
	server *os.Process
	exited chan struct{} // closed once the server is gone
	log    string
}

func startCluster() (*cluster, error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	c := &cluster{folder: folder, log: filepath.Join(folder, "server.log")}
	if err := c.start(programs, account); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

func (c *cluster) start(programs string, account *syscall.SysProcAttr) error {
	if account.Credential != nil {
		if err := os.Chown(c.folder, int(account.Credential.Uid), int(account.Credential.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(c.folder, "data")
	initialise := exec.Command(filepath.Join(programs, "initdb"), "--pgdata", data, "--username", owner,
		"--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	initialise.Dir, initialise.SysProcAttr = c.folder, account
	if output, err := initialise.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	// The port is free when we ask for it, but a neighbour may take it before
	// the server does; the server then exits at once and we ask again.
	var err error
	for range 3 {
		if err = c.serve(programs, data, account); err == nil {
			return nil
		}
	}
	return err
}

func (c *cluster) serve(programs, data string, account *syscall.SysProcAttr) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	c.host = net.JoinHostPort("127.0.0.1", port)
	server := exec.Command(filepath.Join(programs, "postgres"), "-D", data, "-p", port)
	settings := []string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=" + c.folder, "max_connections=200", "shared_buffers=64MB",
		"wal_level=minimal", "max_wal_senders=0", "timezone=UTC",
	}
	if !shared.durable {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	for _, setting := range settings {
		server.Args = append(server.Args, "-c", setting)
	}
	server.Dir, server.SysProcAttr = c.folder, account
	if err := c.run(server); err != nil {
		return err
	}
	return c.awaitAnswer()
}

// run starts the server and keeps the operating system's thread that started
// it alive until it ends: the signal that takes the server down with a killed
// test binary is tied to that thread.
func (c *cluster) run(server *exec.Cmd) error {
	log, err := os.Create(c.log)
	if err != nil {
		return err
	}
	server.Stdout, server.Stderr = log, log
	started := make(chan error)
	exited := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close()
		err := server.Start()
		started <- err
		if err == nil {
			_ = server.Wait() // how it ended is in its log
			close(exited)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	c.server, c.exited = server.Process, exited
	return nil
}

// awaitAnswer returns once the server takes connections.
func (c *cluster) awaitAnswer() error {
	deadline := time.After(startLimit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.execute("SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-c.exited:
			return fmt.Errorf("postgres ended at once:\n%s", c.logTail())
		case <-deadline:
			return fmt.Errorf("postgres did not answer within %s: %w\n%s", startLimit, err, c.logTail())
		case <-tick.C:
		}
	}
}

func (c *cluster) logTail() []byte {
	text, err := os.ReadFile(c.log)
	if err != nil {
		return []byte(err.Error())
	}
	lines := bytes.Split(text, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-20):], []byte("\n"))
}

// stop ends the server at once, sessions and all, and removes its folder.
func (c *cluster) stop() error {
	if c.server != nil {
		_ = c.server.Signal(syscall.SIGINT) // PostgreSQL's fast shutdown
		select {
		case <-c.exited:
		case <-time.After(stopLimit):
			_ = c.server.Signal(syscall.SIGQUIT) // immediate shutdown
			<-c.exited
		}
	}
	return os.RemoveAll(c.folder)
}

// findPrograms returns the folder of the newest installed server's programs.
// Debian keeps them off PATH, a folder per version.
func findPrograms() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(newest), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", ErrMissing
}

func version(initdb string) int {
	number, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return number
}

// unprivileged says as whom to run the server: PostgreSQL refuses root.
func unprivileged() (*syscall.SysProcAttr, error) {
	attributes := dieWithParent()
	if os.Geteuid() != 0 {
		return attributes, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("find a user other than root to run PostgreSQL as: %w", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user id of %s: %w", account.Username, err)
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("group id of %s: %w", account.Username, err)
	}
	attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attributes, nil
}

func freePort() (string, error) {
	address, err := porttest.Address()
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(address)
	return port, err
}
