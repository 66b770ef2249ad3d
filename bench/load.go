package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Load is what happened while a process was asked as fast as it answered.
type Load struct {
	Rate      float64       // answers in a second
	Half      time.Duration // within which half of the answers came
	P99       time.Duration // within which 99 of 100 came
	Processor time.Duration // that the process used for each answer
}

// loadFigures are the figures of a Load after its rate.
var loadFigures = []Figure{{Name: "half of the answers within", Unit: "ms"}, {Name: "99 of 100 answers within", Unit: "ms"}, {Name: "processor time of the server for each", Unit: "us"}}

// Rates is a comparison of processes under load: of rates, and from the same runs of delays and processor time. Expectations are of the rate
// and of P99.
func Rates(c Comparison, rate, p99 string, sides ...LoadSide) Comparison {
	c.Unit, c.Also = "/s", slices.Clone(loadFigures)
	c.Also[1].Expect = p99
	for i, side := range sides {
		var last Load
		run := Side{Name: side.Name, Run: func() (rate float64, err error) {
			last, err = side.Run()
			return last.Rate, err
		}}
		run.Also = func() []float64 {
			return []float64{milliseconds(last.Half), milliseconds(last.P99), milliseconds(last.Processor) * 1000}
		}
		if i > 0 {
			run.Expect = rate
		}
		c.Sides = append(c.Sides, run)
	}
	return c
}

// LoadSide is one of the processes compared.
type LoadSide struct {
	Name string
	Run  func() (Load, error)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// charged runs a load and finds out how much processor time it cost the process.
func (p *Process) charged(run func() (load Load, answers float64, err error)) (Load, error) {
	before, err := p.Processor()
	if err != nil {
		return Load{}, err
	}
	load, answers, err := run()
	if err != nil {
		return load, err
	}
	after, err := p.Processor()
	load.Processor = time.Duration((after - before) / answers * float64(time.Second))
	return load, err
}

// Question is one HTTP request.
type Question struct {
	Method string
	Path   string
	Header [][2]string // without Host and Content-Length
	Body   string
}

// script is the request as wrk's scripts have it.
func (q Question) script(host string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "wrk.method = %q\nwrk.path = %q\nwrk.headers[\"Host\"] = %q\n", q.Method, q.Path, host)
	for _, h := range q.Header {
		fmt.Fprintf(&out, "wrk.headers[%q] = %q\n", h[0], h[1])
	}
	if q.Body != "" {
		fmt.Fprintf(&out, "wrk.body = %q\n", q.Body)
	}
	return out.String()
}

var (
	rateLine  = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	countLine = regexp.MustCompile(`(?m)^\s*([0-9]+) requests in`)
	badLine   = regexp.MustCompile(`(?m)^\s*(Non-2xx.*|Socket errors.*)$`)
	halfLine  = regexp.MustCompile(`(?m)^\s*50%\s+(\S+)$`)
	lastLine  = regexp.MustCompile(`(?m)^\s*99%\s+(\S+)$`)
)

// Ask lets wrk, over so many connections, ask one question for a while. An answer that is not good makes it an error. One thread of wrk asks
// faster than a process of ours answers; more would only take turns with it on the processors that all share.
func (p *Process) Ask(ctx context.Context, folder string, q Question, connections int, seconds int) (Load, error) {
	script := filepath.Join(folder, "ask-"+p.Address+".lua")
	if err := os.WriteFile(script, []byte(q.script(p.Host)), 0o600); err != nil {
		return Load{}, err
	}
	return p.charged(func() (Load, float64, error) {
		out, err := exec.CommandContext(ctx, "wrk", "--latency", "-t1", "-c"+strconv.Itoa(connections), "-d"+strconv.Itoa(seconds)+"s", "-s", script, "http://"+p.Address).CombinedOutput()
		if err != nil {
			return Load{}, 0, fmt.Errorf("run wrk: %w %s", err, out)
		}
		return readWrk(out)
	})
}

func readWrk(out []byte) (load Load, answers float64, err error) {
	if bad := badLine.Find(out); bad != nil {
		return load, 0, fmt.Errorf("not every answer was good: %s", bytes.TrimSpace(bad))
	}
	var problems []error
	read := func(line *regexp.Regexp, take func(string) error) {
		if found := line.FindSubmatch(out); found == nil {
			problems = append(problems, fmt.Errorf("wrk said nothing like %s: %s", line, out))
		} else {
			problems = append(problems, take(string(found[1])))
		}
	}
	number := func(to *float64) func(string) error {
		return func(s string) (err error) { *to, err = strconv.ParseFloat(s, 64); return err }
	}
	duration := func(to *time.Duration) func(string) error {
		return func(s string) (err error) { *to, err = time.ParseDuration(s); return err }
	}
	read(rateLine, number(&load.Rate))
	read(countLine, number(&answers))
	read(halfLine, duration(&load.Half))
	read(lastLine, duration(&load.P99))
	return load, answers, errors.Join(problems...)
}
