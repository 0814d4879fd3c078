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
// remembers lifetimes across the runs of the application. Counts made before
// are kept. The instruments report what this run counted; Value, Total, Changes
// and Completions include the counts of earlier runs.
//
// Each kind has a Meter of its own: scope [ScopeName] with the scope attribute
// [KindKey], so that any exporter can tell them apart.
//
// A release that renames a trackable declares it with [RenamedFrom] and so keeps
// its history.
//
// # Attributes
//
// With binds a Statistic or Timer to attributes: bind once, count often. The
// first [MaxSeries] attribute sets have a series each. Further sets share one
// series with the attribute [OverflowKey].
//
// # Declared values
//
// Free text is where identity slips in. [WithValues] and [WithKeys] declare which
// attributes a Statistic or Timer may have, [WithStates] which values a State may
// have. Any other value is [OtherValue], an attribute with any other key is left out,
// and that is reported once, without saying what it was. Each count is still in
// exactly one series, so all sums stay exact; a Set of what shares a series replaces
// the value of that series. A name that is declared twice with different values is
// [ErrConflict].
//
//	saves  = otelusage.NewStatistic("saves", otelusage.WithValues("format", "md", "odt", "pdf"))
//	theme  = otelusage.NewState("theme", "paper", otelusage.WithStates("paper", "night", "sepia"))
//
// A tracker that is attached with [DeclaredOnly] records nothing else. It costs
// nothing while counting: With is bound once, and Set compares a few texts.
// [Tracker.Plan] lists everything that can be recorded; otelusagetest.Plan keeps a
// published list in step with the code.
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
// Errors are returned where there is a caller. Other errors go to the error
// handler ([WithErrorHandler]), once per cause, and are kept for [Tracker.Err].
// A declaration that is refused still returns a trackable: it counts, but is
// never reported.
//
// # Names and values
//
// A name is one that OpenTelemetry accepts: a letter, then letters, digits and
// "_.-/", at most [MaxNameLength] bytes. A space becomes an underscore. Names
// compare without regard to case. The suffixes .changes, .occupancy and
// .checkpoints and the prefix "otelusage." are reserved.
//
// Two trackables need names that Prometheus can tell apart, which drops separators and
// adds units and suffixes. Beside a Statistic save.file there is no save_file; beside a
// Timer session no session_seconds and no session_seconds_sum, _count or _bucket; beside
// a State theme no theme_changes and no theme_occupancy; beside a Sequence or a Monotonic
// Statistic export no export_total. The second one declared is [ErrConflict].
//
// States and checkpoints have at most [MaxTextLength] bytes; longer attribute values are cut. Text
// that is not UTF-8 is repaired. Numbers saturate.
//
// # Caveats
//
// On a MeterProvider that the application shares with its own readers: every
// reader sees these instruments; the application's callbacks run once more for
// each further reader; views of the provider apply to these instruments too; and
// a synchronous histogram, such as that of a Timer, records once per reader. To
// avoid this, give the tracker a provider of its own.
//
// Several trackers on one MeterProvider share their counts by name, because the
// provider has one stream for it. Counts live as long as the provider.
//
// Before the application sets the global provider, package otel returns a
// placeholder, which is a different provider. Attach after it is set.
//
// The developer must ensure that names, descriptions and values that are declared
// identify nobody: this package cannot check it.
package otelusage
