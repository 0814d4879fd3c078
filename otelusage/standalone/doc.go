// Package standalone gives an application usage tracking in one call: a
// MeterProvider of its own, a local mirror, and whatever forwarder it is given.
//
//	usage, err := standalone.Start(ctx, standalone.Config{
//		ApplicationName: "mygame", ApplicationVersion: "1.0.0", Forwarder: forwarder,
//	})
//	if err != nil {
//		log.Print(err) // counting goes on in memory
//	}
//	defer usage.Close()
//
// It records what package variables count, which are declared on
// otelusage.Default, unless it is given another tracker.
//
// The provider is apart from the application's own: other readers never see the
// usage instruments, and consent covers all of them. Nothing is printed, and no
// error of usage tracking reaches otel.Handle.
//
// # Environment
//
//	OTEL_SDK_DISABLED=true    nothing is recorded: no file, no goroutine
//	DO_NOT_TRACK=1            this process records locally and sends nothing; so does
//	                          every value but 0, false, no, off and an empty one
//
// A link to the null device in the place of the mirror, or of its directory, is
// a person's wish that nothing is recorded. Start returns no error then.
//
// The user's OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME are not recorded,
// also where Config.Resource took them in, and OTEL_GO_X_CARDINALITY_LIMIT does
// not change what is counted. The OpenTelemetry SDK reads the first and the last
// all the same, and logs what is malformed in them.
package standalone
