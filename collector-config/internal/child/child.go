// Package child runs programs that must not outlive the command that started them:
// the Collector, Prometheus, and the go command with all that it starts. On Windows
// only the programs themselves are ended, not what they have started.
package child

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// patience is how long a program may take to exit once it is interrupted.
const patience = 10 * time.Second

// Context ends when the command is asked to exit: by Ctrl-C, kill, a terminal that is
// closed, or the end of a go run. The command then cleans up and exits by itself.
func Context() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	followGo()
	return ctx, stop
}

// Command prepares a program in a process group of its own: Ctrl-C reaches the command
// alone, which then ends its programs in order. When the context ends the whole group
// is interrupted.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = patience
	separate(cmd)
	return cmd
}

// Run runs a program that Command prepared, and ends what it leaves behind. The error
// is that of the context if that is why the program ended.
func Run(ctx context.Context, cmd *exec.Cmd) error {
	err := cmd.Run()
	if cmd.Process != nil {
		Kill(cmd)
	}
	if err != nil && ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	return err
}
