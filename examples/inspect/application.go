package main

import (
	"context"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// application is what a text editor counts.
type application struct {
	words, saved *otelusage.Statistic
	library      *otelusage.Statistic
	theme, font  *otelusage.State
	writing      *otelusage.Timer
	exporting    *otelusage.Timer
	publish      *otelusage.Sequence
}

// declare declares the trackables. Errors are joined in the tracker's Err.
func declare(t *otelusage.Tracker) *application {
	about := otelusage.WithDescription
	var a application
	a.words, _ = t.Statistic("words_written", otelusage.Monotonic(), about("Words typed, not what they say"), otelusage.WithKeys())
	a.saved, _ = t.Statistic("documents_saved", otelusage.Monotonic(), about("Documents saved, by format"), otelusage.WithValues("format", formats...), otelusage.WithKeys())
	a.library, _ = t.Statistic("library_size", about("Documents in the library"), otelusage.WithKeys())
	a.theme, _ = t.State("theme", "paper", about("Colours of the editor"), otelusage.WithStates(themes...))
	a.font, _ = t.State("font", otelusage.NoState, about("Family of the text, if one was chosen"), otelusage.WithStates(fonts...))
	a.writing, _ = t.Timer("writing_session", about("From the first key to a pause of five minutes"), otelusage.WithKeys())
	a.exporting, _ = t.Timer("export_pdf", about("Time that an export takes"), otelusage.WithKeys())
	a.publish, _ = t.Sequence("publish", []string{"draft", "review", "export", "share"}, about("From a draft to a shared document"))
	return &a
}

var (
	themes  = []string{"paper", "night", "sepia"}
	fonts   = []string{"Serif", "Sans", "Typewriter"}
	formats = []string{"md", "odt", "pdf"}
)

// work counts a part of a day's use; share 1 is a whole day.
func (a *application) work(ctx context.Context, r *rand.Rand, share float64) {
	length := share * (0.4 + r.ExpFloat64()) // of a usual day
	a.words.Add(int64(1400 * length))
	for range int(4*length + r.Float64()) {
		a.saved.With(attribute.String("format", formats[min(r.IntN(5), 4)/2])).Inc()
	}
	if r.Float64() < share*0.4 {
		a.library.Add(int64(r.IntN(5)) - 1)
	}
	for range int(2.5*length + r.Float64()*share) {
		a.writing.Record(ctx, time.Duration((8+r.ExpFloat64()*35)*float64(time.Minute)))
	}
	if r.Float64() < share*0.5 {
		a.exporting.Record(ctx, time.Duration((300+r.ExpFloat64()*1800)*float64(time.Millisecond)))
	}
	if r.Float64() < share*0.12 {
		a.theme.Set(themes[r.IntN(len(themes))])
	}
	if r.Float64() < share*0.06 {
		a.font.Set(fonts[r.IntN(len(fonts))])
	}
	if r.Float64() < share {
		a.writeDocument(r)
	}
}

// writeDocument takes a document through some of the steps to its publication.
func (a *application) writeDocument(r *rand.Rand) {
	run := a.publish.NewRun()
	for _, step := range a.publish.Checkpoints() {
		run.Hit(step)
		if r.Float64() < 0.35 {
			return
		}
	}
}
