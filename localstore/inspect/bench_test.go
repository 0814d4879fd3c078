package inspect

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

const (
	benchTrackables = 200
	benchDays       = 400
	benchWriters    = 8
)

// longHistory is a mirror of 200 Statistics that changed every day.
func longHistory(b *testing.B) *recorder {
	b.Helper()
	r := newRecorder(b)
	var changes []recording.Change
	version := resourceOf("1.0")
	for i := range benchTrackables {
		name := fmt.Sprintf("statistic_%03d", i)
		r.declare(otelusage.Declaration{Name: name, Kind: otelusage.KindStatistic, Description: "One of many"})
		changes = append(changes, add(newSeries(version, otelusage.KindStatistic, series.Metric{Name: name, Type: series.TypeSum}), 1))
	}
	for range benchDays {
		r.record(recording.Recording{Changes: changes})
		r.now = r.now.Add(terminal.Day)
	}
	r.record(recording.Recording{Changes: changes})
	return r
}

// writing lets as many applications as are told record into the mirror until
// stop, each a process of its own, and tells what each export took.
func (r *recorder) writing(b *testing.B, writers int, pause time.Duration, took func(time.Duration)) (stop func()) {
	b.Helper()
	var all sync.WaitGroup
	var pipes []io.Closer
	for i := range writers {
		spec, err := json.Marshal(application{Path: r.store.Path(), Name: fmt.Sprintf("statistic_%03d", i), Now: r.now, Pause: pause})
		if err != nil {
			b.Fatal(err)
		}
		cmd := exec.CommandContext(b.Context(), os.Args[0])
		cmd.Env, cmd.Stderr = append(os.Environ(), asApplication+"="+string(spec)), os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		pipes = append(pipes, in)
		lines := bufio.NewScanner(out)
		lines.Scan() // its first export: all of them run when this returns
		all.Go(func() {
			for lines.Scan() {
				if n, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil {
					took(time.Duration(n))
				}
			}
			if err := cmd.Wait(); err != nil {
				b.Error(err)
			}
		})
	}
	return func() {
		for _, in := range pipes {
			_ = in.Close() // ends the process
		}
		all.Wait()
	}
}

// asApplication makes the test binary an application that records.
const asApplication = "INSPECT_AS_APPLICATION"

type application struct {
	Path, Name string
	Now        time.Time
	Pause      time.Duration
}

func TestMain(m *testing.M) {
	spec := os.Getenv(asApplication)
	if spec == "" {
		os.Exit(m.Run())
	}
	var a application
	err := json.Unmarshal([]byte(spec), &a)
	if err == nil {
		err = a.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run records again and again, prints the nanoseconds that each took, and ends
// with its input.
func (a *application) run() (err error) {
	store, err := localstore.Open(a.Path, localstore.WithClock(func() time.Time { return a.Now }))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	writer, err := store.Writer(true)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	s := newSeries(resourceOf("1.0"), otelusage.KindStatistic, series.Metric{Name: a.Name, Type: series.TypeSum})
	for tick := time.Tick(a.Pause); ; {
		begun := time.Now()
		if err := writer.Record(context.Background(), recording.Recording{Changes: []recording.Change{add(s, 1)}, MaySend: true}); err != nil {
			return err
		}
		fmt.Println(time.Since(begun).Nanoseconds())
		select {
		case <-ended:
			return nil
		case <-tick:
		}
	}
}

// BenchmarkShow compares show with a bare read of the rows it shows, while
// eight processes record. The bar: at most three times as long.
func BenchmarkShow(b *testing.B) {
	r := longHistory(b)
	from := r.now.Truncate(terminal.Day).Add(-(sparkDays-1)*terminal.Day).Unix() / int64(terminal.Day/time.Second)
	for _, days := range []int64{from, 0} {
		args, what := []string{"show"}, "14 days"
		if days == 0 {
			args, what = []string{"show", "--days", "400"}, "400 days"
		}
		b.Run(what+"/bare SQL", func(b *testing.B) {
			db, err := sql.Open("sqlite", "file:"+r.store.Path()+"?mode=ro")
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			defer r.writing(b, benchWriters, 50*time.Millisecond, func(time.Duration) {})()
			for b.Loop() {
				if err := bareRead(b.Context(), db, days); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(what+"/show", func(b *testing.B) {
			defer r.writing(b, benchWriters, 50*time.Millisecond, func(time.Duration) {})()
			o := Options{File: r.store.Path(), Now: r.clock, Stdout: io.Discard, Stderr: io.Discard, Getenv: func(string) string { return "" }}
			for b.Loop() {
				if code := Run(b.Context(), args, o); code != exitDone {
					b.Fatalf("code %d", code)
				}
			}
		})
	}
}

// bareRead reads the rows that show needs, into nothing: a connection per read,
// as a command has.
func bareRead(ctx context.Context, db *sql.DB, from int64) error {
	db.SetMaxIdleConns(0)
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, query := range []string{
		`SELECT t.*, c.state, c.since FROM trackables t LEFT JOIN current_states c ON c.trackable_id = t.id`,
		`SELECT s.attributes, r.attributes, m.*, o.* FROM series s JOIN metrics m ON m.id = s.metric_id
			JOIN resources r ON r.id = s.resource_id LEFT JOIN totals o ON o.series_id = s.id LEFT JOIN gauges g ON g.series_id = s.id`,
		fmt.Sprintf(`SELECT series_id, day, value, count FROM days WHERE day < %d ORDER BY day DESC LIMIT %d`, from, benchTrackables),
		fmt.Sprintf(`SELECT series_id, day, value, count FROM days WHERE day >= %d`, from),
	} {
		if err := drain(ctx, tx, query); err != nil {
			return err
		}
	}
	return nil
}

func drain(ctx context.Context, tx *sql.Tx, query string) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			return err
		}
	}
	return rows.Err()
}

// BenchmarkExportWhileViewed measures the exports of eight processes alone, and
// while somebody looks at everything ten times a second.
func BenchmarkExportWhileViewed(b *testing.B) {
	r := longHistory(b)
	for _, viewed := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "viewed"}[viewed], func(b *testing.B) {
			if viewed {
				defer r.viewing(b)()
			}
			took := make(chan time.Duration, benchWriters)
			stop := r.writing(b, benchWriters, 20*time.Millisecond, func(d time.Duration) {
				select {
				case took <- d:
				default: // what is not asked for
				}
			})
			var sum time.Duration
			n := 0
			for b.Loop() {
				sum += <-took
				n++
			}
			stop()
			b.ReportMetric(float64(sum.Nanoseconds())/float64(n), "ns/export")
		})
	}
}

func (r *recorder) viewing(b *testing.B) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var viewer sync.WaitGroup
	viewer.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			o := Options{File: r.store.Path(), Now: r.clock, Stdout: io.Discard, Stderr: io.Discard, Getenv: func(string) string { return "" }}
			if code := Run(b.Context(), []string{"show"}, o); code != exitDone {
				b.Errorf("code %d", code)
			}
		}
	})
	return func() { cancel(); viewer.Wait() }
}
