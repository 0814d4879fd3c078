// Package proxy has configurations for proxies in front of the Collector that keep no
// addresses, and runs the proxies that are installed.
package proxy
