// Package receiver builds and runs receivers of OTLP other than the Collector, for
// the tests of what they keep. It needs Go, and the module proxy the first time.
package receiver
