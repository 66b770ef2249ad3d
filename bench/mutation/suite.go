package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// variable tells a test binary which rule is taken away; none where it is 0.
const variable = "GATEHOUSE_MUTANT"

// suite is a package's tests, built with rules that can be taken away.
type suite struct{ binary, folder string }

// build compiles each package's tests from the overlay, and sees them pass while every rule is there.
func build(ctx context.Context, root, scratch string, overlay map[string]string, folders []string) ([]suite, error) {
	replaced, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return nil, err
	}
	description := filepath.Join(scratch, "overlay.json")
	if err := os.WriteFile(description, replaced, 0o600); err != nil {
		return nil, err
	}
	var suites []suite
	for _, folder := range folders {
		s := suite{filepath.Join(scratch, folder+".test"), filepath.Join(root, folder)}
		command := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", description, "-o", s.binary, "./"+folder)
		command.Dir, command.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if said, err := command.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build the tests of %s: %w\n%s", folder, err, said)
		}
		if failed := s.run(ctx, 0); failed != "" {
			return nil, fmt.Errorf("the tests of %s fail with every rule in its place: %s", folder, failed)
		}
		suites = append(suites, s)
	}
	return suites, nil
}

// hunt runs the suites against each mutant, some at once. Each channel brings the test that missed the rule, or "".
func hunt(ctx context.Context, suites []suite, mutants []mutant, workers int) []chan string {
	killers := make([]chan string, len(mutants))
	for i := range killers {
		killers[i] = make(chan string, 1)
	}
	next := make(chan int, len(mutants))
	for i := range mutants {
		next <- i
	}
	close(next)
	for range workers {
		go func() {
			for i := range next {
				killer := ""
				for _, s := range suites {
					if killer = s.run(ctx, mutants[i].number); killer != "" {
						break
					}
				}
				killers[i] <- killer
			}
		}()
	}
	return killers
}

var (
	failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	hanging = regexp.MustCompile(`(?m)^panic: test timed out[^\n]*\n\s*running tests:\n\s*(\S+)`)
)

// run runs the tests without one rule and returns the first that fails, as deep as it is named; "" when all pass.
func (s suite) run(ctx context.Context, number int) string {
	command := exec.CommandContext(ctx, s.binary, "-test.failfast", "-test.timeout=5m")
	command.Dir, command.Env = s.folder, append(os.Environ(), fmt.Sprintf("%s=%d", variable, number))
	said, err := command.CombinedOutput()
	if err == nil {
		return ""
	}
	first := ""
	for _, found := range failure.FindAllSubmatch(said, -1) {
		if name := string(found[1]); first == "" || strings.HasPrefix(name, first+"/") {
			first = name
		}
	}
	if late := hanging.FindSubmatch(said); first == "" && late != nil {
		return string(late[1]) + ", which does not end"
	}
	if first == "" {
		return fmt.Sprintf("%v: %.200s", err, said)
	}
	return first
}
