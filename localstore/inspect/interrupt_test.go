package inspect

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/view"
)

// endless makes views in place of tables, which give the rows of the table and
// then none for ever, or nothing at all.
func endless(t *testing.T, path, rows string, tables ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, table := range tables {
		_, err := db.Exec(`ALTER TABLE ` + table + ` RENAME TO former_` + table + `; CREATE VIEW ` + table + ` AS
			WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
			SELECT * FROM former_` + table + ` WHERE ` + rows + ` UNION ALL
			SELECT f.* FROM former_` + table + ` f WHERE (SELECT count(*) FROM c) > 0`)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// interrupted runs a command that does not end and interrupts it.
func interrupted(t *testing.T, o Options, args ...string) result {
	t.Helper()
	return interruptedAt(t, time.After(20*time.Millisecond), o, args...)
}

// interruptedAt is interrupted for a command that reaches what it waits for in
// its own time.
func interruptedAt[T any](t *testing.T, reached <-chan T, o Options, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.endGrace = time.Hour // it ends by itself
	ended := make(chan result, 1)
	go func() { ended <- runWith(ctx, o, args...) }()
	select {
	case got := <-ended:
		t.Fatalf("%v ends without an interrupt: code %d, %s%s", args, got.code, got.out, got.errors)
	case <-reached:
	}
	cancel()
	select {
	case got := <-ended:
		return got
	case <-time.After(time.Minute):
		t.Fatalf("%v does not end", args)
	}
	return result{}
}

// TestAnInterruptEndsACommand whose query does not end by itself, as on a file
// that somebody made for it.
func TestAnInterruptEndsACommand(t *testing.T) {
	if testing.Short() {
		t.Skip("interrupts queries without an end")
	}
	recorded, names, log, own := finished(t), finished(t), finished(t), finished(t)
	endless(t, names, "true", "trackables") // whose first row comes before the endless one
	endless(t, recorded, "true", "current_states", "totals")
	endless(t, log, "true", "submission_log", "parts")
	endless(t, own, "false", "mirror")
	for _, test := range []struct {
		file string
		args string
	}{
		{recorded, "show"}, {recorded, "show quests_complete"}, {recorded, "--json show"}, {recorded, "history quests_complete"},
		{recorded, "preview"}, {recorded, "preview --as hq"}, {recorded, "doctor"}, {recorded, "submissions quests_complete"},
		{recorded, "export csv"}, {recorded, "export report"}, {recorded, "export json"}, {recorded, "erase"},
		{names, "show"}, {names, "export csv"}, {names, "history quests_complete"}, {names, "doctor"},
		{log, "submissions"}, {log, "submissions 1"}, {log, "export json"}, {log, "doctor"},
		{own, "id"}, {own, "show"}, {own, "consent"}, {own, "consent on"}, {own, "backup " + t.TempDir() + "/copy.db"}, {own, "erase --yes"},
	} {
		got := interrupted(t, Options{File: test.file}, strings.Fields(test.args)...)
		if got.code != exitFailed || !strings.HasSuffix(got.errors, "usagemirror: interrupted\n") {
			t.Errorf("%s: code %d, %q", test.args, got.code, got.errors)
		}
	}
	if got := interrupted(t, Options{File: own}, "view"); got.code != exitDone { // the way to end it
		t.Errorf("view: code %d, %q", got.code, got.errors)
	}
}

// TestAnInterruptEndsAWait for another process's lock, and for an answer.
func TestAnInterruptEndsAWait(t *testing.T) {
	path := finished(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	stdin, writer := io.Pipe()
	defer writer.Close()
	asked := &question{Reader: stdin, asked: make(chan struct{})}
	if got := interruptedAt(t, asked.asked, Options{File: path, Stdin: asked}, "erase"); got.code != exitFailed || !strings.HasSuffix(got.errors, "\nusagemirror: interrupted\n") {
		t.Errorf("erase: code %d, %q", got.code, got.errors)
	}
	if _, err := db.Exec("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"show", "export csv", "doctor", "consent", "consent on", "erase --yes", "id"} {
		got := interrupted(t, Options{File: path, busyTimeout: time.Hour}, strings.Fields(args)...)
		if got.code != exitFailed || !strings.HasSuffix(got.errors, "usagemirror: interrupted\n") {
			t.Errorf("%s of a locked mirror: code %d, %q", args, got.code, got.errors)
		}
	}
}

// question is an input that tells when it is read.
type question struct {
	io.Reader
	once  sync.Once
	asked chan struct{}
}

func (q *question) Read(p []byte) (int, error) {
	q.once.Do(func() { close(q.asked) })
	return q.Reader.Read(p)
}

// TestACommandThatDoesNotEnd is left behind, and writes nothing any more.
func TestACommandThatDoesNotEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out, errors bytes.Buffer
	goOn, ended := make(chan struct{}), make(chan struct{})
	o := Options{File: "usage.db", Stdout: &out, Stderr: &errors, endGrace: time.Nanosecond,
		serve: func(_ context.Context, _, _ string, ready func(string), _ ...view.Option) error {
			ready("http://before")
			cancel()
			<-goOn
			ready("http://after")
			close(ended)
			return nil
		}}
	if code := Run(ctx, []string{"view"}, o); code != exitFailed {
		t.Errorf("code %d", code)
	}
	before, said := out.String(), errors.String()
	close(goOn)
	<-ended
	if !strings.HasPrefix(before, "http://before\n") || out.String() != before || said != "usagemirror: interrupted\n" || errors.String() != said {
		t.Errorf("%q, then %q; %q, then %q", before, out.String(), said, errors.String())
	}
}

// stuck is an output that nobody reads.
type stuck struct {
	once    sync.Once
	written chan struct{}
	goOn    chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.written) })
	<-s.goOn
	return len(p), nil
}

func TestAnInterruptEndsAWriteThatNobodyReads(t *testing.T) {
	out := &stuck{written: make(chan struct{}), goOn: make(chan struct{})}
	defer close(out.goOn)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-out.written; cancel() }()
	if code := Run(ctx, []string{"show"}, Options{File: finished(t), Stdout: out, Stderr: io.Discard, endGrace: time.Nanosecond}); code != exitFailed {
		t.Errorf("code %d", code)
	}
}
