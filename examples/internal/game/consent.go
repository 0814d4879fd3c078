package game

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

const question = `May this game tell its makers how it is played? Numbers such as
quests and hours, under a random id, and nothing else.`

// ask asks once for all runs whether usage may be sent, if somebody is at the
// terminal. Without an answer it is recorded on this machine only, and the next run
// asks again.
func ask(ctx context.Context, out io.Writer, usage *standalone.Usage, given string) error {
	if err := decide(ctx, usage, given); err != nil {
		return err
	}
	consent, err := usage.Ask(ctx, question)
	if err != nil && !errors.Is(err, standalone.ErrUndecided) {
		return err
	}
	_, err = fmt.Fprintf(out, "Consent: %s.\n", consent.Reason)
	return err
}

// decide stores an answer that was given before the question.
func decide(ctx context.Context, usage *standalone.Usage, given string) error {
	switch given {
	case "":
		return nil
	case "yes":
		return usage.Enable(ctx)
	case "no":
		return usage.Disable(ctx)
	}
	return fmt.Errorf("the answer is %q, want yes or no", given)
}
