package inspect

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"
)

func commandNames(c *cli.Command) []string {
	var names []string
	for _, sub := range c.VisibleCommands() {
		names = append(names, sub.Name)
	}
	return names
}

// most refuses more arguments than a command takes.
func most(n int, c *cli.Command) error {
	if c.Args().Len() <= n {
		return nil
	}
	return usageError{fmt.Errorf("%s takes no %q", c.Name, c.Args().Get(n))}
}

// named refuses an empty value, such as that of an unset shell variable: the
// command would otherwise use a different mirror.
func named(value string) error {
	if value == "" {
		return errors.New("it is empty")
	}
	return nil
}

// refuseUsage turns errors in flags into usage errors, which are printed once and
// have exit code 2.
func refuseUsage(c *cli.Command) {
	c.OnUsageError = func(_ context.Context, _ *cli.Command, err error, _ bool) error { return usageError{err} }
	for _, sub := range c.Commands {
		refuseUsage(sub)
	}
}
