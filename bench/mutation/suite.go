package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The test binaries learn from their environment which rules to take away, one after the other, and which tests to try for each:
// 12:TestOne|TestTwo,13:TestThree.
const (
	rulesVariable = "GATEHOUSE_MUTANTS"
	perProcess    = 20 // rules in one process, which then makes its keys once
)

// suite is a package's tests, built with rules that can be taken away.
type suite struct {
	binary, folder string
	tests          []string
	touching       map[int][]string // the tests to which a rule matters at all; no other can miss it
}

// build compiles a package's tests from the overlay, and sees them pass while every rule is there.
func build(ctx context.Context, root, scratch string, overlay map[string]string, t target) (*suite, error) {
	replaced, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return nil, err
	}
	description := filepath.Join(scratch, "overlay.json")
	if err := os.WriteFile(description, replaced, 0o600); err != nil {
		return nil, err
	}
	s := &suite{binary: filepath.Join(scratch, "rules.test"), folder: filepath.Join(root, t.folder), touching: map[int][]string{}}
	command := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", description, "-o", s.binary, "./"+t.folder)
	command.Dir, command.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if said, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the tests of %s: %w\n%s", t.folder, err, said)
	}
	listed, err := exec.CommandContext(ctx, s.binary, "-test.list="+cmp.Or(t.tests, ".")).Output()
	if err != nil {
		return nil, fmt.Errorf("list the tests of %s: %w", t.folder, err)
	}
	s.tests = strings.Fields(string(listed))
	whole := newMutant()
	whole.anywhere = true
	s.run(ctx, []mutant{whole})
	if failed := <-whole.killer; failed != "" {
		return nil, fmt.Errorf("the tests of %s fail with every rule in its place: %s", t.folder, failed)
	}
	return s, nil
}

// hunt runs the tests against each mutant, several processes at once, and sends each its killer.
func (s *suite) hunt(ctx context.Context, mutants []mutant, workers int) {
	batches := make(chan []mutant, len(mutants))
	tried := slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool {
		missed := m.anywhere || len(s.touching[m.number]) > 0
		if !missed {
			m.killer <- ""
		}
		return !missed
	})
	for batch := range slices.Chunk(tried, perProcess) {
		batches <- batch
	}
	close(batches)
	for range workers {
		go func() {
			for batch := range batches {
				for len(batch) > 0 && ctx.Err() == nil {
					batch = batch[s.run(ctx, batch):] // a panic leaves some for another process
				}
			}
		}()
	}
}

// run starts the tests without each of the rules in turn, sends each the first test that failed, "" when all passed, and returns how many
// had their turn: fewer than were asked for where one of them ended the process.
func (s *suite) run(ctx context.Context, mutants []mutant) (heard int) {
	asked := make([]string, len(mutants))
	for i, m := range mutants {
		tests := s.touching[m.number]
		if m.anywhere {
			tests = s.tests
		}
		asked[i] = strconv.Itoa(m.number) + ":" + strings.Join(tests, "|")
	}
	command := exec.CommandContext(ctx, s.binary, "-test.timeout=5m")
	command.Dir = s.folder
	command.Env = append(os.Environ(), rulesVariable+"="+strings.Join(asked, ","))
	output, err := command.StdoutPipe()
	command.Stderr = command.Stdout
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		mutants[0].killer <- err.Error()
		return 1
	}
	var chapter []byte
	begun := false
	lines := bufio.NewReader(output)
	for {
		line, last := lines.ReadBytes('\n')
		if bytes.HasPrefix(line, []byte(chapterMark)) {
			if begun {
				mutants[heard].killer <- firstFailure(chapter)
				heard++
			}
			begun, chapter = true, nil
		}
		if words := strings.Fields(strings.TrimPrefix(string(line), touchMark)); bytes.HasPrefix(line, []byte(touchMark)) && len(words) == 2 {
			rule, _ := strconv.Atoi(words[1]) // digits
			s.touching[rule] = append(s.touching[rule], words[0])
			continue
		}
		chapter = append(chapter, line...)
		if last != nil {
			break
		}
	}
	killer := firstFailure(chapter)
	if err := command.Wait(); err != nil && killer == "" {
		killer = fmt.Sprintf("the end of its process: %v %.300s", err, chapter)
	}
	mutants[heard].killer <- killer
	return heard + 1
}

// chapterMark begins what a test binary says of one rule, touchMark a test and a rule that matters to it.
const (
	chapterMark = "=== MUTANT "
	touchMark   = "=== TOUCHED"
)

var (
	failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	hanging = regexp.MustCompile(`panic: test timed out[^\n]*\n\s*running tests:\n\s*(\S+)`)
)

// firstFailure is the first test that failed, as deep as it is named.
func firstFailure(said []byte) string {
	first := ""
	for _, found := range failure.FindAllSubmatch(said, -1) {
		if name := string(found[1]); first == "" || strings.HasPrefix(name, first+"/") {
			first = name
		}
	}
	if late := hanging.FindSubmatch(said); first == "" && late != nil {
		first = string(late[1])
	}
	return first
}
