// Package hostile has requests that somebody sends to harm what others sent, and
// runs each against a Collector with a shipped configuration, Prometheus and the
// archive: honest installations send, the request comes, and honest ones send again.
package hostile
