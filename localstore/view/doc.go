// Package view serves the page on which a person looks at their own usage: what
// is recorded, since when, how it developed, what would be sent next, what was
// sent, and the switches that stop it or erase everything.
//
//	page, err := view.New(usage.Store(), view.WithControls(usage))
//	defer page.Close()
//	mux.Handle("/usage/", http.StripPrefix("/usage", page))
//
// [Serve] serves a mirror by its path, for a command.
//
// # What it costs the application
//
// The page reads through a connection of its own: nobody who records waits for
// it. An open page asks every two seconds whether the file changed, which reads
// one row, and reads everything only when it did; a hidden one asks nothing. What
// is shown is as fresh as the record interval.
//
// # Who may do what
//
// Whoever reaches the handler may read. To switch consent or erase, a request
// needs a token that only the served page has, and must not come from another
// site. Every request needs a Host that is a loopback name or one of
// [WithHosts]: another site's name that resolves to this machine is refused. The
// page loads nothing from elsewhere and runs nothing that is not its own file;
// names, states, descriptions and attributes are shown as text, whatever is in
// them.
//
// # Options
//
//	WithControls         the Store: what the switches do
//	WithTitle            "Usage"
//	WithHosts            none besides the loopback names
//	WithRecordInterval   1 min, as the page says it
//	WithErrorHandler     otel.Handle
package view
