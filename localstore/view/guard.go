package view

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// tokenHeader carries the token. Forms and simple requests of other sites cannot
// set it.
const tokenHeader = "Usage-Token"

// policy lets the page load only its own files and connect only to its own handler.
// The origins that may frame it are appended.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors "

func (h *Handler) protect(header http.Header) {
	if len(h.ancestors) == 0 {
		header.Set("Content-Security-Policy", policy+"'none'")
		header.Set("X-Frame-Options", "DENY")
	} else { // X-Frame-Options cannot name origins, and would forbid it
		header.Set("Content-Security-Policy", policy+strings.Join(h.ancestors, " "))
	}
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// admits reports whether a Host is a loopback name or one that the application
// allows. If another site's name resolves to this machine, the browser treats its
// page as the same origin; only the name shows the difference.
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

// changing admits requests that come from the served page.
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
