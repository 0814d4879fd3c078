package forward

import (
	"net/netip"
	"net/url"
	"strings"
)

// PlainText reports whether what is sent to an endpoint can be read on the way: it is
// not encrypted, and leaves this machine. A name counts as another machine, except
// localhost and the names below it.
func PlainText(endpoint *url.URL) bool {
	if endpoint == nil || endpoint.Scheme != "http" {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(endpoint.Hostname()), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return false
	}
	address, err := netip.ParseAddr(host)
	return err != nil || !address.Unmap().IsLoopback()
}
