package bench

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
)

// apart is the processors that the processes run on which are asked, as taskset has them; "": on all.
var apart string

// Apart lets this process, and whatever it asks with, run on the first half of the processors, and every Process that is started later on
// the second. Where both share them, delays are mostly those of a scheduler that has to choose between the asker and the asked.
func Apart() error {
	half := runtime.NumCPU() / 2
	if half == 0 {
		return errors.New("one processor alone: the askers would share it with the asked")
	}
	if output, err := exec.Command("taskset", "-acp", lot(0, half), strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		return fmt.Errorf("keep to half of the processors: %w: %s", err, output)
	}
	runtime.GOMAXPROCS(half)
	apart = lot(half, 2*half)
	return nil
}

// lot is the processors from one up to, and without, another.
func lot(from, to int) string { return fmt.Sprintf("%d-%d", from, to-1) }

// keptApart is the command on the processors of those that are asked.
func keptApart(command *exec.Cmd) error {
	if apart == "" {
		return nil
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return err
	}
	command.Args = append([]string{taskset, "-c", apart, command.Path}, command.Args[1:]...)
	command.Path = taskset
	return nil
}
