// Package view serves the page on which users look at their own usage: what
// is recorded, since when, how it developed, what would be sent next, what was
// sent, and the switches that stop it or erase everything.
//
//	page, err := view.New(usage.Store(), view.WithControls(usage), view.WithAuthorization(signedIn))
//	if err != nil {
//		log.Print(err) // the page says why it has nothing to show, with status 503
//	}
//	defer page.Close() // before usage.Close
//	mux.Handle("/usage/", http.StripPrefix("/usage", page))
//
// [Serve] serves the mirror at a path, for a command, to anyone who has the URL
// that it creates.
//
// # What it costs the application
//
// The page reads through its own connection: recording never waits for it. An
// open page asks every two seconds whether anything changed, which reads one row and
// the journals beside the mirror, and reads everything only if it did. A hidden page
// does not ask. What is shown is as of now, also what processes counted since they
// last recorded; of one that keeps no journal it is at most one record interval old.
//
// # Who may do what
//
// Without [WithAuthorization] anyone who can reach the port can read the page, and
// then switch consent and erase. On loopback that is every user and program of
// this machine; otherwise it is the network. With it, the application decides
// about each request. The application's http.Server limits how long a client may
// take.
//
// To switch consent or erase, a request needs a token that only the served page
// has, and must not come from another site. Every request needs a Host that is a
// loopback name or one of [WithHosts]: another site's name that resolves to this
// machine is refused. Only pages of [WithFrameAncestors] may frame this
// one. The page loads nothing from other hosts and runs only its own files.
// Names, states, descriptions and attributes are always shown as text.
//
// # Behind a reverse proxy
//
// Name the public host with [WithHosts]. The proxy must pass on Host as the
// browser sent it. If it puts its own address there, every name looks like
// loopback, and changes from browsers that send no Sec-Fetch-Site are refused as
// those of another site. It must also pass on Origin, Sec-Fetch-Site, Usage-Token,
// If-None-Match and whatever the authorization looks at; GET, HEAD and POST; and
// the path below the prefix with its final slash. It must not cache. The address
// of the connection is the proxy's own, so it must not be used to authorize.
//
// # Without a mirror
//
// If nothing is recorded, or the mirror cannot be opened, [New] returns an error
// and a Handler that answers 503 with the reason, until there is a mirror.
//
// # Options
//
//	WithControls         the Store; it is what the switches act on
//	WithTitle            "Usage"
//	WithPlan             no list of all that can be recorded
//	WithHosts            only the loopback names
//	WithAuthorization    everyone who can reach the page
//	WithFrameAncestors   nobody
//	WithRecordInterval   1 min; the page shows it
//	WithErrorHandler     otel.Handle
//	WithCircumstances    those of the Store, or of a viewer
package view
