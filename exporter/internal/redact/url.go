package redact

import "net/url"

// URL returns what may be shown of a URL: scheme and host. Its path may be a
// secret, as a webhook's is, and everything else has no place in a destination's.
func URL(u *url.URL) string {
	if u == nil || u.Host == "" {
		return Placeholder
	}
	s := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	if u.Path != "" && u.Path != "/" {
		s += "/" + Placeholder
	}
	return s
}
