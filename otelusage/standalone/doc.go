// Package standalone starts usage tracking in one call: with a MeterProvider of
// its own, a local mirror, and an optional forwarder.
//
//	usage, err := standalone.Start(ctx, standalone.Config{
//		ApplicationName: "mygame", ApplicationVersion: "1.0.0", Forwarder: forwarder,
//	})
//	if err != nil {
//		log.Print(err) // counting goes on in memory
//	}
//	defer usage.Close()
//
// It records otelusage.Default, the tracker of package variables, unless
// Config.Tracker names another one.
//
// The provider is separate from the application's own: other readers never see
// the usage instruments, and consent covers all of them. Nothing is printed but the question
// of [Usage.Ask], and no error of usage tracking reaches otel.Handle.
//
// # Consent
//
// Without Config.RequireConsent, usage is sent until somebody calls [Usage.Disable].
// With it, nothing is sent before [Usage.Enable]. A program with a user interface sets
// it and asks, once; on a terminal [Usage.Ask] does it in one call.
//
// # Environment
//
//	OTEL_SDK_DISABLED=true    nothing is recorded: no file, no goroutine
//	DO_NOT_TRACK=1            this process records locally and sends nothing; so does
//	                          every value except 0, false, no, off and an empty one
//
// A link to the null device in place of the mirror or of its directory is an
// opt-out: nothing is recorded, and Start returns no error.
//
// The user's OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME are not recorded,
// even if Config.Resource contains them, and OTEL_GO_X_CARDINALITY_LIMIT does
// not change what is counted. The OpenTelemetry SDK still reads the first and the
// last, and logs errors in them.
package standalone
