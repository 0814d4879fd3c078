// Package hq forwards usage to an AnonymousUsage HQ server, and says exactly how
// each attempt ended.
//
// An [Exporter] is an sdkmetric.Exporter that stands where otlp's does:
//
//	fwd, err := hq.New(hq.Config{Host: "www.usagetrackerapp.com", APIKey: key})
//
// HQ keeps lifetime values: an upload replaces the numbers of the one before.
// So the Exporter asks for cumulative data, sending the same twice changes
// nothing, and [Exporter.MergeResources] asks package exporter for one call with
// the totals over every version of the application.
//
// # What is sent
//
// One JSON object, by POST to /usagestats/upload below the host:
//
//	field                from
//	API Key              [Config]
//	User Identifier      resource attribute app.installation.id, must be there
//	Application Name     resource attribute service.name, must be there
//	Application Version  resource attribute service.version, see [ErrVersion]
//	Data                 the metrics of package otelusage, by name
//
// The kind of a metric is the scope attribute otelusage.kind. HQ has no
// attributes, so all series of a metric become one value:
//
//	kind       type       data
//	statistic  Statistic  the sum of all points
//	state      State      the attribute state of the gauge's point, or "No State"
//	timer      Timer      the sum of the histogram in seconds, explicit or exponential
//	sequence   Sequence   the completions, the sum of all points
//
// otelusage.submissions becomes the Statistic __submissions__, the number of
// submissions that were accepted, this one included; package exporter makes it.
// Left out are other scopes, kinds that HQ does not have, a State's .changes and
// .occupancy, a Sequence's .checkpoints, and every other otelusage. name. Of a
// name that stands for several kinds, as after a release that declared it anew,
// the last in the data is sent.
//
// [Encode] returns that body for a preview, without the key.
//
// # Outcomes
//
// HQ answers refusals with 200, so the text of the answer decides. Every error
// is a [*outcome.Error]; what went wrong can be tested with errors.Is:
//
//	answer                                              Export returns
//	200 Success                                         nil
//	200 Upload failed                                   Refused, ErrUnknownKey
//	200 Missing API Key.                                Refused, ErrMissingKey
//	200 User does not belong to a group.                Refused, ErrNoGroup
//	any other 2xx, such as a captive portal's page      Unknown, ErrUnexpectedAnswer
//	500                                                 Transient, ErrServer
//	408, 429, other 5xx                                 Transient, ErrUnavailable
//	redirects, which are not followed                   Refused, ErrRedirect
//	any other 4xx                                       Refused, ErrRejected, or as the text says
//	any other status                                    Unknown, ErrUnexpectedAnswer
//	no answer: DNS, refused, TLS, lost, timeout         Transient
//	nothing was sent: a version HQ cannot parse         Refused, ErrVersion
//	nothing was sent: no id, no application name        Refused, ErrNoInstallationID, ErrNoApplicationName
//	nothing was sent: delta, not finite, not its kind's Refused, ErrData
//
// 500 is what HQ answers to JSON, a type or a version it cannot read. None of
// these leave this package, so it counts as trouble of the server's. One such
// trouble lasts: where HQ's init_db.py made the tables, an application's name is
// unique, and every upload under its second version is answered with 500, from
// every client. Such a server has to drop that constraint; its migration scripts
// make tables without it. Until then nothing is lost: the totals wait.
//
// Retry-After, in seconds or as a date, is in RetryAfter for every status from
// 300 on, at most 24 h. A context that ended is in the error's chain. Reasons
// are one line, quote at most 200 bytes of what the server wrote, and never the
// API key, also where the server echoes it.
//
// # Caveats
//
//   - With an http:// host the API key travels in the clear.
//   - HTTP_PROXY, HTTPS_PROXY and NO_PROXY describe the user's network and are
//     honoured. Nothing else of the environment is read.
//   - Each upload makes a connection of its own: the next one is an hour away.
//   - Exports go one after another.
package hq
