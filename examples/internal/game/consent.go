package game

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

const question = `May this game tell its makers how it is played? Numbers such as
quests and hours, under a random id, and nothing else. [y/n] `

// ask asks once for all runs whether usage may be sent. Without an answer it is
// recorded on this machine only, and the next run asks again.
func ask(ctx context.Context, in io.Reader, out io.Writer, usage *standalone.Usage) error {
	consent, err := usage.Consent(ctx)
	if err != nil {
		return err
	}
	if consent.ShouldAsk {
		fmt.Fprint(out, question)
		switch answer(in) {
		case "y", "yes":
			err = usage.Enable(ctx)
		case "n", "no":
			err = usage.Disable(ctx)
		default:
			fmt.Fprint(out, "(no answer)")
		}
		fmt.Fprintln(out)
		if err != nil {
			return err
		}
		if consent, err = usage.Consent(ctx); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "Consent: %s.\n", consent.Reason)
	return err
}

func answer(in io.Reader) string {
	line, _ := bufio.NewReader(in).ReadString('\n') // a line without an end is read too
	return strings.ToLower(strings.TrimSpace(line))
}
