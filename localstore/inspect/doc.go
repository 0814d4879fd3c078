// Package inspect is the command with which users look at their usage mirror:
// what is recorded about them, how it developed, what will be sent next, what
// was sent, and how to stop it. Command usagemirror is one line around it, and
// an application can offer it as a subcommand:
//
//	case "usage": // mytool usage show
//		os.Exit(inspect.Run(ctx, os.Args[2:], inspect.Options{Name: "mytool usage", Application: "mytool", Plan: config}))
//
// It needs no network. It opens the mirror read-only, in short readings, while
// the application runs, and never creates one. Only consent, erase and the
// switches of view write. What it shows is as of now: it adds what processes keep in
// journals beside the mirror since they last recorded, or died. Of a process without a
// journal it is at most one record interval old. History, submissions and preview are
// of what is recorded.
//
// # Commands
//
//	show [NAME]              all trackables; or one with its series, distribution, states or funnel
//	    --days N             how many days to draw, by default 14
//	history NAME             what was added day by day, and the changes of a State
//	    --by day|hour        400 days are kept, and the hours of the latest exports
//	    --since TIME         2026-03-04, 2026-03-04T05:06:07Z, or 36h or 30d ago
//	preview                  exactly what the next submission would send
//	    --as json|otlp|hq    the same as a document, by the forwarders' own code
//	submissions [ID|NAME]    the log; or what one submission sent, or what was sent of a trackable
//	doctor                   schema, integrity, balance, journals, sizes, consent
//	export csv|report|json   everything recorded, as a file
//	    --by-name            the order of csv
//	backup FILE              a copy of the mirror, safe while the application runs
//	consent [status|on|local|off], also before the application's first run
//	erase                    deletes everything recorded, asks first
//	    --yes                does not ask
//	id                       the random ids of this installation and its mirror
//	plan                     all that the application can record and send, if [Options] say it; needs no mirror
//	    --collector [FILE...] as a configuration with which a Collector takes nothing else, also
//	                         of other applications, whose files plan --json has written
//	    --release VERSION    a version that has plots of its own at that Collector; repeated
//	view                     a page in the browser, on loopback, for anyone who has the URL it prints
//	    --listen ADDRESS     at another address, as 0.0.0.0:8080 for all interfaces; not encrypted
//	completion SHELL         a completion script for bash, zsh, fish or pwsh
//
// The mirror is the one that --file names, the one at the usual place of the
// application that --app names, the one in [Options], or the one that the
// environment variable OTELUSAGE_MIRROR names, in this order. With --json
// every command writes JSON; commands that write another format refuse it. The
// output has colours only on a terminal, unless NO_COLOR is set or TERM is dumb.
// Texts from the mirror are shown without control characters. Of a text longer
// than a MiB only the length is shown. A command that takes longer than a second
// says so on a terminal. When the context ends, as by an interrupt, every command
// ends, even one that waits for another process or an answer, or whose query has
// no end.
//
// # Exit codes
//
//	0  done
//	1  failed, for a reason of its own, or was interrupted
//	2  the command line is wrong
//	3  there is no mirror
//	4  the file is not a mirror
//	5  the mirror is damaged, or doctor found a problem
//	6  the mirror was written by a newer version
//	7  no permission
//	8  the name or number does not exist, what was sent is not kept, or there is no plan
//	9  another process keeps the mirror busy, or erased content may still be in the file
//	10 not confirmed: nothing was erased
package inspect
