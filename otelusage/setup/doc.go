// Package setup starts usage tracking from a configuration file, or from a
// [Config] that has the same keys, with either forwarder: OTLP or HQ.
//
//	cfg, err := setup.LoadFile("usage.ini")
//	cfg.ApplicationVersion = version // what code sets wins over the file
//	usage, err := setup.Start(ctx, cfg)
//	defer usage.Close()
//
// This package wraps package standalone. A program that needs only one forwarder,
// or none, is smaller with standalone itself.
//
// # The file
//
// [LoadFile] reads the INI file of the AnonymousUsage library for Python:
//
//	[General]
//	filepath = usage_stats.db
//	application_name = MyApp
//	application_version = 1.0.0
//	submit_interval_s = 500
//	check_interval_s = 30000
//	debug = false
//
//	[HQ]
//	host = www.usagetrackerapp.com
//	api_key = ldfhksg23542kj5g73kk3465j
//
// Sections and keys, upper or lower case alike:
//
//	[General]
//	filepath             the mirror; relative to the working directory, extension kept; default as in Config
//	application_name     service.name; HQ needs it, from here or from code
//	application_version  service.version; HQ parses it, see hq.ErrVersion
//	submit_interval_s    seconds between submissions; 0, and without the key, never submits
//	check_interval_s     seconds between looks whether one is due; 0 leaves it to Usage.Submit; default 60
//	debug                whether Start's error also goes to Config.OnError; default false
//	installation_id      default: a random one, made with the mirror
//	unlinkable           whether each submission has an id of its own, and none of the installation; default false
//	installation_rotation_days  after how many days the installation gets other ids; 0 never; default 0
//	enabled              false records nothing; default true
//	shutdown_grace_s     how long a submission may run on at the end; 0 not at all; default 0.25
//	submit_wait_s        the same, once per submit interval, after three were cut off; 0 not at all; default 2
//	journal              whether counts survive the death of the process at once; default true
//	declared_only        whether only declared states and attributes are recorded; default false
//
//	[HQ]
//	host                 required; https where no scheme is written; was called server in the library's 1.14
//	api_key              required
//	timeout_s            of one request; default as in package hq
//
//	[OTLP]
//	endpoint             required; http:// or https:// URL, /v1/metrics where it has no path
//	headers              name=value, name=value
//	compression          gzip (default) or none
//	timeout_s            of one request; default 10
//	lenient_answers      whether every 2xx answer except a web page is success; default false
//
// With neither [HQ] nor [OTLP] usage is recorded on this machine only; with
// both the file is refused. Booleans are true, yes, on, 1 and false, no, off, 0.
// Seconds may have decimals, and end at ten years. An exporter gives up on a
// request after 30 s whatever timeout_s says.
//
// A key has one line. The text after its = or : is the value, without the blanks
// around it. The first semicolon in it begins a comment if a blank precedes it;
// so does # or ; at the beginning of a line. Percent signs, number signs, quotes,
// other semicolons and a backslash at the end are part of the value; "" alone is
// the empty text. Lines may be indented. A comma in a header value cannot be
// written in the file: set it in code.
//
// As in the library, other sections and keys have no effect, and the last of
// duplicate keys applies. Each is noted in Config.Notes.
//
// The file is UTF-8 text of at most 1 MiB. All errors in it are reported at once,
// each as a [*FileError] with file, line and key. No error or note quotes an API
// key or a header.
//
// # What code sets wins
//
// LoadFile returns a plain Config: fields that are set afterwards replace what
// the file said. To replace the destination, set the other one to nil.
//
// # Consent
//
// The strictest setting applies. With enabled = false (Config.Disabled) or
// OTEL_SDK_DISABLED=true nothing is recorded and no file is made, whatever the
// mirror stores. With DO_NOT_TRACK=1, or any value except 0, false, no, off and
// an empty one, this process records locally and sends nothing. The user's
// OTEL_EXPORTER_OTLP_*, OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME have no
// effect on what is recorded and where it is sent.
package setup
