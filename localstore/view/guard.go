package view

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// tokenHeader carries the token. No form and no plain request of another site
// can set it.
const tokenHeader = "Usage-Token"

// policy lets the page load its own files and talk to its own handler. Who may
// frame it follows.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors "

func (h *Handler) protect(header http.Header) {
	if len(h.ancestors) == 0 {
		header.Set("Content-Security-Policy", policy+"'none'")
		header.Set("X-Frame-Options", "DENY")
	} else { // X-Frame-Options cannot name anybody, and would forbid it
		header.Set("Content-Security-Policy", policy+strings.Join(h.ancestors, " "))
	}
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// admits reports whether a Host names this machine, or what the application
// allows. A page of another site whose name was made to resolve to this machine
// is of the same origin to the browser; the name gives it away.
func (h *Handler) admits(host string) bool {
	if h.anyHost {
		return true
	}
	name := strings.ToLower(hostname(host))
	if name == "localhost" || slices.Contains(h.hosts, name) {
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.IsLoopback()
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// changing lets a request through that comes from the served page.
func (h *Handler) changing(f func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		switch given := r.Header.Get(tokenHeader); {
		case h.origin.Check(r) != nil:
			refuse(w, http.StatusForbidden, "Another site may not change anything here.")
		case subtle.ConstantTimeCompare([]byte(given), []byte(h.token)) != 1:
			refuse(w, http.StatusForbidden, "This page is out of date. Reload it and try again.")
		case h.store.IsReadOnly():
			refuse(w, http.StatusForbidden, readOnlyReason)
		default:
			f(w, r)
		}
	}
}
