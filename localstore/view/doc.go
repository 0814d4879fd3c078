// Package view serves the page on which a person looks at their own usage: what
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
// [Serve] serves a mirror by its path, for a command, to whoever has the URL that
// it makes up.
//
// # What it costs the application
//
// The page reads through a connection of its own: nobody who records waits for
// it. An open page asks every two seconds whether the file changed, which reads
// one row, and reads everything only when it did; a hidden one asks nothing. What
// is shown is at most one record interval old.
//
// # Who may do what
//
// Without [WithAuthorization] whoever reaches the port may read, and with the
// page in hand switch and erase: that is every user and program of this machine
// where the server listens on loopback, and the network where it does not. With
// it, the application decides about each request. How long a client may take is
// up to the application's http.Server.
//
// To switch consent or erase, a request needs a token that only the served page
// has, and must not come from another site. Every request needs a Host that is a
// loopback name or one of [WithHosts]: another site's name that resolves to this
// machine is refused. No other page may frame this one, but for those of
// [WithFrameAncestors]. The page loads nothing from elsewhere and runs nothing
// that is not its own file; names, states, descriptions and attributes are shown
// as text, whatever is in them.
//
// # Behind a reverse proxy
//
// Name the public host with [WithHosts], and let the proxy pass on Host as the
// browser sent it: a proxy that puts its own address there makes every name look
// like loopback, and to browsers that send no Sec-Fetch-Site it makes the page
// another site's, which may change nothing. It must also pass on Origin,
// Sec-Fetch-Site, Usage-Token, If-None-Match and whatever the authorization looks
// at; GET, HEAD and POST; and the path below the prefix with its slash at the
// end. It must not cache. The address of the connection is the proxy's own: it
// authorizes nobody.
//
// # Without a mirror
//
// Where nothing is recorded, or the mirror cannot be opened, [New] returns an
// error and a Handler that answers 503 with the reason, until there is one.
//
// # Options
//
//	WithControls         the Store: what the switches do
//	WithTitle            "Usage"
//	WithHosts            none besides the loopback names
//	WithAuthorization    everybody who reaches the page
//	WithFrameAncestors   nobody
//	WithRecordInterval   1 min, as the page says it
//	WithErrorHandler     otel.Handle
//	WithCircumstances    those of the Store, or of a viewer
package view
