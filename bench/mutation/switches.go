package main

// switches is what every rewritten package is given: the questions that its rules ask, which note for which rules the answer would matter,
// and the tables as they were. It is formatted with the package, the number of rules and one, the declarations of whole tables, and the
// statements that set each.
const switches = `package %s

import "sync/atomic"

var (
	mutant_number  int
	mutant_touched [%d]atomic.Bool
)

func mutant_never(number int, holds bool) bool {
	if holds {
		mutant_touched[number].Store(true)
	}
	return holds && mutant_number != number
}

func mutant_always(number int, holds bool) bool {
	if !holds {
		mutant_touched[number].Store(true)
	}
	return holds || mutant_number == number
}

func mutant_table[S ~[]E, E any](first int, table S) S {
	for i := range table {
		mutant_touched[first+i].Store(true)
	}
	at := mutant_number - first
	if at < 0 || at >= len(table) {
		return table
	}
	return append(append(S{}, table[:at]...), table[at+1:]...)
}

func mutant_append[S ~[]E, E any](number int, list, longer S) S {
	if len(longer) > len(list) {
		mutant_touched[number].Store(true)
	}
	if mutant_number == number {
		return list
	}
	return longer
}

func mutant_answer[T comparable](number int, answer T) (none T) {
	if answer != none {
		mutant_touched[number].Store(true)
	}
	if mutant_number == number {
		return none
	}
	return answer
}

%s
func mutant_set(number int) {
	mutant_number = number
%s}
`

// conductor runs the tests of a rewritten package one by one without each rule in turn, up to the first that fails. That one comes first
// from then on, because rules that stand together are missed by the same test. While every rule is there it says which matter to which test.
// It stands in the place of a TestMain that the package has, within what runs around the tests. It is formatted with the package, the
// variable and the two marks, what runs around the tests, and what has to be imported for that.
const conductor = `package %s

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
%[6]s)

func TestMain(m *testing.M) {
	os.Exit(%[5]s(func() int { return mutantRun(m) }))
}

func mutantAlone(run func() int) int { return run() }

func mutantRun(m *testing.M) int {
	if os.Getenv(%[2]q) == "" {
		return m.Run()
	}
	flag.Parse()
	for _, rule := range strings.Split(os.Getenv(%[2]q), ",") {
		text, tests, _ := strings.Cut(rule, ":")
		number, err := strconv.Atoi(text)
		if err != nil {
			panic(err)
		}
		fmt.Print("\n", %[3]q, number, "\n")
		mutant_set(number)
		for _, name := range mutantOrdered(strings.Split(tests, "|")) {
			for i := range mutant_touched {
				mutant_touched[i].Store(false)
			}
			flag.Set("test.run", "^"+name+"$")
			if m.Run() != 0 {
				mutantLately = slices.Insert(mutantLately, 0, name)
				break
			}
			if number == 0 {
				fmt.Println(%[4]q, name)
				for i := range mutant_touched {
					if mutant_touched[i].Load() {
						fmt.Println(%[4]q, name, i)
					}
				}
			}
		}
	}
	return 0
}

var mutantLately []string

func mutantOrdered(tests []string) []string {
	for _, name := range mutantLately {
		if at := slices.Index(tests, name); at >= 0 {
			return slices.Insert(slices.Delete(tests, at, at+1), 0, name)
		}
	}
	return tests
}
`
