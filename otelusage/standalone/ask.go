package standalone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/prompt"
)

// ErrUndecided is returned by [Usage.Ask] when whether usage may be sent is still to
// be decided: nobody could be asked, or nobody answered. Nothing is sent, and the
// next Ask may ask.
var ErrUndecided = errors.New("standalone: nobody decided whether usage may be sent")

// maxQuestions is how often one Ask shows its question.
const maxQuestions = 3

// person is who is asked.
type person interface {
	// Absent says why nobody can be asked, "" where somebody can be.
	Absent() string

	// Ask shows a question and returns the line that is typed.
	Ask(ctx context.Context, question string) (line string, err error)
}

// Ask asks the person at the terminal whether usage may be sent, and stores the
// answer. It is for a program that sets Config.RequireConsent, which sends nothing
// before somebody agreed:
//
//	consent, err := usage.Ask(ctx, "May mytool send how often its commands are used?")
//
// The question is shown with " [y/N] " after it. y and yes are [Usage.Enable]; n, no
// and a bare Enter are [Usage.Disable]. After anything else the question is shown
// again, at most twice. Nothing else is printed, and nothing is read beyond the
// answer's line. Ask waits until the context ends.
//
// Each answer is remembered, a no too, by every program that uses the mirror. Ask
// shows nothing and returns what applies, without an error, where that is decided:
// by an earlier answer, a decision file, DO_NOT_TRACK, OTEL_SDK_DISABLED or the
// configuration. It shows nothing and returns [ErrUndecided] where standard input and
// output are not both a terminal, where CI is set, in the background, where something
// was typed before the question, and without RequireConsent: to ask for what is done
// anyway would be no question. A program with a window then asks in its own way, and
// calls Enable or Disable.
//
// While a failed start is retried, a no is stored beside the mirror at once, and a yes
// as soon as the mirror can be opened. Counts made before the yes are not sent.
//
// localstore.ErrOverruled says that an administrator's stricter decision applies,
// [ErrNotRecording] that there is nothing to ask for. Of concurrent calls one asks.
func (u *Usage) Ask(ctx context.Context, question string) (localstore.Consent, error) {
	return u.ask(ctx, question, prompt.OfProcess())
}

func (u *Usage) ask(ctx context.Context, question string, who person) (localstore.Consent, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	if u == nil {
		return localstore.Consent{Mode: localstore.ModeOff, Reason: u.whyNot()}, ErrNotRecording
	}
	if !u.asking.CompareAndSwap(false, true) {
		return localstore.Consent{}, fmt.Errorf("%w: it is being asked", ErrUndecided)
	}
	defer u.asking.Store(false)
	c, open, err := u.openQuestion(ctx)
	if err != nil || !open {
		return c, err
	}
	if absent := who.Absent(); absent != "" {
		return c, fmt.Errorf("%w: %s", ErrUndecided, absent)
	}
	yes, err := answer(ctx, question+" [y/N] ", who)
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrUndecided, err)
	}
	decide := u.Disable
	if yes {
		decide = u.agree
	}
	err = decide(ctx)
	c, _, unknown := u.openQuestion(ctx)
	return c, errors.Join(err, unknown)
}

var errUnclear = errors.New("the answers were neither yes nor no")

func answer(ctx context.Context, question string, who person) (yes bool, err error) {
	for range maxQuestions {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		line, err := who.Ask(ctx, question)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return true, nil
		case "", "n", "no":
			return false, nil
		}
	}
	return false, errUnclear
}

// openQuestion returns what applies now, and whether a person may be asked.
func (u *Usage) openQuestion(ctx context.Context) (c localstore.Consent, open bool, err error) {
	if u.recorder() == nil && u.retry != nil {
		return u.openQuestionAhead()
	}
	c, err = u.Consent(ctx)
	switch {
	case err != nil || u.veto != "":
		return c, false, err
	case u.recorder() == nil:
		return c, false, ErrNotRecording
	case c.Mode == localstore.ModeUnset && c.Sending:
		return c, false, errNotRequired
	}
	return c, c.ShouldAsk, nil
}

var errNotRequired = fmt.Errorf("%w: Config.RequireConsent is not set", ErrUndecided)

// openQuestionAhead is openQuestion while the mirror cannot be opened: the file
// beside it says what was decided.
func (u *Usage) openQuestionAhead() (c localstore.Consent, open bool, err error) {
	path, err := u.config.path()
	if err != nil {
		return localstore.Consent{}, false, err
	}
	if c, err = localstore.Decided(path); err != nil {
		return localstore.Consent{}, false, fmt.Errorf("%w: %w", ErrNotRecording, err)
	}
	// Windows says of what would lie below a file that it is not there yet.
	if dir, err := os.Stat(filepath.Dir(path)); err == nil && !dir.IsDir() {
		return localstore.Consent{}, false, fmt.Errorf("%w: %s is no directory", ErrNotRecording, filepath.Dir(path))
	}
	x := localstore.Circumstances{Destination: u.retry.forwarder != nil}
	switch {
	case c.Mode != localstore.ModeUnset || x.SendingVeto() != "":
	case u.agreed.Load():
		c.Mode, c.Reason = localstore.ModeOn, "sending is switched on as soon as the mirror can be opened"
	case !u.config.RequireConsent:
		return c, false, errNotRequired
	default:
		c.ShouldAsk, c.Reason = true, "consent is required and was not given yet"
	}
	c = x.Apply(c)
	return c, c.ShouldAsk, nil
}

// agree is Enable, also while a failed start is retried: the consent then applies to
// what is counted after the mirror was opened.
func (u *Usage) agree(ctx context.Context) error {
	if u.recorder() != nil || u.retry == nil {
		return u.Enable(ctx)
	}
	u.agreed.Store(true)
	if u.recorder() != nil { // it was opened meanwhile, and may not have seen the consent
		return u.keepAgreed(ctx)
	}
	return nil
}

// keepAgreed stores the consent that was given while the mirror could not be opened.
// A decision that was made elsewhere since holds.
func (u *Usage) keepAgreed(ctx context.Context) error {
	if !u.agreed.CompareAndSwap(true, false) {
		return nil
	}
	c, err := u.Consent(ctx)
	if err != nil || c.Mode != localstore.ModeUnset {
		return err
	}
	return u.Enable(ctx)
}

// keepAgreedAhead stores it for the next start, where there is no mirror yet.
func (u *Usage) keepAgreedAhead() {
	path, err := u.config.path()
	if err != nil || !u.agreed.CompareAndSwap(true, false) {
		return
	}
	if c, err := localstore.Decided(path); err != nil || c.Mode != localstore.ModeUnset {
		return
	}
	if err := u.decideAhead(context.Background(), localstore.ModeOn); err != nil {
		u.errors.report(fmt.Errorf("store consent: %w", err))
	}
}
