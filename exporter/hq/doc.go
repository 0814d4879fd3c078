// Package hq forwards usage to an AnonymousUsage HQ server, and reports exactly how
// each attempt ended.
//
// An [Exporter] is an sdkmetric.Exporter, and takes the place of otlp's:
//
//	fwd, err := hq.New(hq.Config{Host: "www.usagetrackerapp.com", APIKey: key})
//
// HQ keeps lifetime values: an upload replaces the values of the one before. So the
// Exporter asks for cumulative data, and sending the same upload twice changes
// nothing. [Exporter.MergeResources] makes package exporter pass the totals over
// all versions of the application in one call.
//
// # What is sent
//
// One JSON object, by POST to /usagestats/upload below the host:
//
//	field                from
//	API Key              [Config]
//	User Identifier      resource attribute app.installation.id, required
//	Application Name     resource attribute service.name, required
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
// otelusage.submissions, which package exporter makes, becomes the Statistic
// __submissions__: the number of accepted submissions, this one included. Not sent
// are other scopes, kinds that HQ does not have, a State's .changes and .occupancy,
// a Sequence's .checkpoints, and every other name that begins with otelusage. If a
// name has several kinds, because a release declared it with another kind, the last
// one in the data is sent.
//
// [Encode] returns that body for a preview, without the key.
//
// # Outcomes
//
// HQ answers refusals with 200, so the text of the answer decides. Every error is a
// [*outcome.Error]; test its cause with errors.Is:
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
// HQ answers 500 to JSON, types and versions that it cannot read. This package
// sends none of these, so 500 counts as a failure of the server. One such failure
// is permanent: if HQ's init_db.py made the tables, the name of an application is
// unique, and HQ answers 500 to every upload of a second version, from any client.
// The server has to drop that constraint; its migration scripts make tables without
// it. Until then nothing is lost: the totals wait.
//
// Retry-After, in seconds or as a date, is in RetryAfter for every status from
// 300 on, at most 24 h. The error of a context that ended is in the chain. Reasons
// are one line, quote at most 200 bytes of what the server wrote, and never hold
// the API key, even if the server echoes it.
//
// # Caveats
//
//   - With an http:// host the API key is sent unencrypted.
//   - HTTP_PROXY, HTTPS_PROXY and NO_PROXY describe the user's network and apply.
//     No other environment variable is read.
//   - Each upload makes its own connection: the next one is an hour away.
//   - Exports run one at a time.
//   - HQ keeps the totals of an identifier. So exporter.Unlinkable and WithRotation,
//     which have none or change it, are refused with exporter.ErrNeedsID.
package hq
