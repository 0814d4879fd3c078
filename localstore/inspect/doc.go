// Package inspect is the command with which a person looks at a usage mirror:
// what is recorded about them, how it developed, what will be sent next, what
// was sent, and how to stop it. Command usagemirror is one line around it, and
// an application can offer it as a command of its own:
//
//	case "usage": // mytool usage show
//		os.Exit(inspect.Run(ctx, os.Args[2:], inspect.Options{Name: "mytool usage", Application: "mytool"}))
//
// It needs no network. It opens the mirror read-only, in short readings, while
// the application runs, and never makes one; consent, erase and the switches of view alone write.
// What it shows is as fresh as the application's last recording.
//
// # Commands
//
//	show [NAME]              all trackables; or one with its series, distribution, states or funnel
//	    --days N             how many days to draw, 14 unless told otherwise
//	history NAME             what was added day by day, and where a State moved
//	    --by day|hour        of days 400 are kept, of hours those of the latest exports
//	    --since TIME         2026-03-04, 2026-03-04T05:06:07Z, or 36h or 30d ago
//	preview                  exactly what the next submission would send
//	    --as json|otlp|hq    the same as a document, by the forwarders' own code
//	submissions [ID|NAME]    the log; or what was sent in one, or of one trackable
//	doctor                   schema, integrity, balance, sizes, consent
//	export csv|report|json   all that is recorded, as a file
//	    --by-name            the order of csv
//	backup FILE              a copy of the mirror, safely also while the application runs
//	consent [status|on|local|off], also before the application's first run
//	erase                    deletes all that was recorded, asks first
//	    --yes                does not ask
//	id                       the random ids of this installation and its mirror
//	view                     a page in the browser, on loopback, for whoever has the URL it prints
//	    --listen ADDRESS     elsewhere, as 0.0.0.0:8080 for all interfaces; it is not encrypted
//	completion SHELL         a completion script for bash, zsh, fish or pwsh
//
// The mirror is the one that --file names, the one at the usual place of the
// application that --app names, the one in [Options], or the one that the
// environment variable OTELUSAGE_MIRROR names, in this order. --json makes
// every command write JSON, but for those that write another format: they refuse
// it. There is no colour where the output is no terminal,
// where NO_COLOR is set or TERM is dumb. Texts from the mirror are shown
// without control characters, and of one longer than a MiB the length alone.
// What takes longer than a second says so on a terminal. When the context ends,
// as by an interrupt, so does every command, also one that waits for another
// process or an answer, or whose query has no end.
//
// # Exit codes
//
//	0  done
//	1  failed, for a reason of its own, or was interrupted
//	2  the command line is wrong
//	3  there is no mirror
//	4  the file is no mirror
//	5  the mirror is damaged, or doctor found that something is wrong
//	6  the mirror was written by a newer version
//	7  no permission
//	8  nothing has that name or number, or what was sent is not kept
//	9  another process keeps the mirror busy, or erased content may still be in the file
//	10 not confirmed: nothing was erased
package inspect
