package faulty

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
)

// Proxy starts an HTTP proxy that answers every request itself, with one header
// beside the status, or with none where it has no name.
func Proxy(status int, header, value string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set(header, value)
		}
		w.WriteHeader(status)
	}))
}

// Nobody returns the URL of a port where nobody listens.
func Nobody() (*url.URL, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &url.URL{Scheme: "http", Host: l.Addr().String()}, l.Close()
}
