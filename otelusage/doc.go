// Package otelusage counts how an application is used, anonymously, and reports
// it by OpenTelemetry. It uses the OpenTelemetry API alone: without an SDK it
// counts in memory.
//
// # Trackables
//
// An application declares what it wants to know on a [Tracker]:
//
//	kind       counts                                 instrument
//	Statistic  a number that goes up, down or is set  observable up-down counter;
//	                                                  observable counter if [Monotonic]
//	State      which of several values a setting has  observable gauge: 1, attribute state;
//	                                                  NAME.changes: entries into each state
//	Timer      how long a task takes                  histogram in seconds
//	Sequence   how often checkpoints are hit          observable counter;
//	           in exactly a given order               NAME.checkpoints: hits of each
//
// Package variables are declared on [Default], from anywhere and at any time:
//
//	var searches = otelusage.NewStatistic("searches")
//
//	searches.Inc()
//
// [Tracker.Attach] connects a tracker to a MeterProvider, and to a [Ledger] that
// remembers lifetimes across the runs of the application. What was counted
// before is kept. The instruments report what this run counted; Value, Total,
// Changes and Completions include what earlier runs left.
//
// Each kind has a Meter of its own: scope [ScopeName] with the scope attribute
// [KindKey], so that any exporter can tell them apart.
//
// A release that calls a trackable otherwise declares it with [RenamedFrom], and
// its history goes on.
//
// # Attributes
//
// With binds a Statistic or Timer to attributes: bind once, count often.
// [MaxSeries] attribute sets are told apart in first-come order, further ones
// share one series with the attribute [OverflowKey].
//
// # Concurrency, cost, errors
//
// Everything is safe for concurrent use, and every method of a nil Tracker or
// nil trackable does nothing. Usage tracking never panics, never prints, and
// does not wait for a network or disk after the declarations.
//
// [Statistic.Add] is one atomic addition, about 5 ns, without allocation. Value
// takes a short lock, With looks up in a map and allocates, a Timer records
// into the histogram at once.
//
// What goes wrong is returned where there is a caller; else it goes to the
// error handler ([WithErrorHandler]), once per cause, and is kept for
// [Tracker.Err]. A declaration that is refused returns a trackable all the
// same: it counts, but is never reported.
//
// # Names and values
//
// A name is one that OpenTelemetry accepts: a letter, then letters, digits and
// "_.-/", at most [MaxNameLength] bytes. A space becomes an underscore. Names
// compare without regard to case. The suffixes .changes, .occupancy and
// .checkpoints and the prefix "otelusage." are reserved. States and checkpoints
// have at most [MaxTextLength] bytes; longer attribute values are cut. Text
// that is not UTF-8 is repaired. Numbers saturate.
//
// # Caveats
//
// On a MeterProvider that the application shares with its own readers: every
// reader sees these instruments; the application's callbacks run once more for
// each further reader; views of the provider apply here too; and a synchronous
// histogram, as of a Timer, records once per reader. An application that does
// not want that gives the tracker a provider of its own.
//
// Several trackers on one MeterProvider share their counts by name, because the
// provider has one stream for it. Counts live as long as the provider.
//
// The global provider of package otel, given before the application sets the
// real one, is another provider than the real one. Attach after it is set.
//
// Attributes are the developer's promise: nothing here can tell whether one
// identifies a person.
package otelusage
