package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/examples/internal/mirrorfile"
	"github.com/anonymoususage/anonymoususage-go/examples/internal/receiver"
	"github.com/anonymoususage/anonymoususage-go/examples/internal/table"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// lifetimes returns the trackables' values over all runs, by name.
func lifetimes() map[string]string {
	texts := make(map[string]string)
	for t := range otelusage.Default().All() {
		_, texts[t.Name()], _ = strings.Cut(t.String(), ": ")
	}
	return texts
}

// report shows the lifetimes next to what the receiver got, and both in detail.
func report(ctx context.Context, out io.Writer, mirror *localstore.Store, before map[string]string, collector *receiver.Receiver) error {
	if mirror == nil { // OTEL_SDK_DISABLED is set
		return nil
	}
	fmt.Fprintln(out, "All runs of this game, and what this one added")
	if err := overview(before, collector).Print(out); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nWhat the receiver got:", interval(collector))
	if err := received(collector).Print(out); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nWhat the mirror holds, for a shell:\nfile='%s'\n", mirror.Path())
	return views(ctx, out, mirror.Path())
}

func overview(before map[string]string, collector *receiver.Receiver) *table.Table {
	t := &table.Table{Header: []string{"trackable", "before", "now", "sent"}}
	now := lifetimes()
	for tr := range otelusage.Default().All() {
		t.Add(tr.Name(), before[tr.Name()], now[tr.Name()], sent(tr, collector))
	}
	return t
}

// sent sums up what the receiver got of a trackable.
func sent(tr otelusage.Trackable, collector *receiver.Receiver) string {
	metric := tr.Name()
	if tr.Kind() == otelusage.KindState {
		metric += otelusage.OccupancySuffix
	}
	var texts []string
	for series, sum := range collector.Sums() {
		switch {
		case series.Metric != metric:
		case tr.Kind() == otelusage.KindState:
			texts = append(texts, strings.TrimPrefix(series.Attributes, "state=")+" "+sum.Value())
		case tr.Kind() == otelusage.KindTimer:
			length := time.Duration(sum.Float * float64(time.Second))
			texts = append(texts, fmt.Sprintf("+%d, %s", sum.Count, otelusage.FormatDuration(length)))
		default:
			texts = append(texts, sum.Value())
		}
	}
	slices.Sort(texts)
	return cmp.Or(strings.Join(texts, ", "), "nothing")
}

// interval returns the interval of the received deltas. The next run's interval
// begins where this one ends.
func interval(collector *receiver.Receiver) string {
	const layout = "2006-01-02T15:04:05.000Z07:00"
	for _, sum := range collector.Sums() {
		return fmt.Sprintf("counts from %s to %s", sum.Start.Format(layout), sum.End.Format(layout))
	}
	return "nothing"
}

func received(collector *receiver.Receiver) *table.Table {
	t := &table.Table{Header: []string{"metric", "attributes", "kind", "temporality", "value"}}
	points := collector.Points()
	slices.SortStableFunc(points, func(a, b receiver.Point) int {
		ka, _ := otelusage.ParseKind(a.Kind)
		kb, _ := otelusage.ParseKind(b.Kind)
		return cmp.Or(cmp.Compare(ka, kb), cmp.Compare(a.Metric, b.Metric))
	})
	for _, p := range points {
		t.Add(p.Metric, p.Attributes, p.Kind, p.Temporality, p.Value())
	}
	return t
}

// views prints the mirror's views.
func views(ctx context.Context, out io.Writer, file string) error {
	for _, query := range []string{
		"select * from statistics",
		"select * from states",
		"select * from timers",
		"select * from sequences",
		"select * from submissions order by id desc limit 3",
	} {
		rows, err := mirrorfile.Query(ctx, file, query)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "sqlite3 -header -column \"$file\" '%s'\n", query)
		if err := rows.Print(out); err != nil {
			return err
		}
	}
	return nil
}
