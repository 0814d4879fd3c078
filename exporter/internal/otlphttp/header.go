package otlphttp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// reservedHeaders belong to the exchange itself: the body's encoding, the
// connection, and the keys that would let net/http repeat a request whose
// answer was lost.
var reservedHeaders = map[string]bool{
	"Accept-Encoding":   true,
	"Connection":        true,
	"Content-Encoding":  true,
	"Content-Length":    true,
	"Content-Type":      true,
	"Expect":            true,
	"Host":              true,
	"Idempotency-Key":   true,
	"Keep-Alive":        true,
	"Proxy-Connection":  true,
	"Te":                true,
	"Trailer":           true,
	"Transfer-Encoding": true,
	"Upgrade":           true,
	"X-Idempotency-Key": true,
}

// checkedHeaders returns headers in canonical form, never nil. Its errors hold
// neither values nor invalid names, which may be a misplaced secret.
func checkedHeaders(headers map[string]string) (http.Header, error) {
	h := make(http.Header, len(headers))
	var errs []error
	for name, value := range headers {
		key := http.CanonicalHeaderKey(name)
		_, twice := h[key]
		switch {
		case !validName(name):
			errs = append(errs, fmt.Errorf("a header name of %d bytes holds characters that HTTP does not allow", len(name)))
		case !validValue(value):
			errs = append(errs, fmt.Errorf("the value of header %s holds a line break or another control character", key))
		case reservedHeaders[key]:
			errs = append(errs, fmt.Errorf("header %s cannot be set", key))
		case twice:
			errs = append(errs, fmt.Errorf("header %s is given twice", key))
		default:
			h[key] = []string{strings.TrimSpace(value)}
		}
	}
	return h, errors.Join(errs...)
}

// validName reports whether name is a token of RFC 9110, section 5.6.2.
func validName(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}

// validValue reports whether value can be a field value: no control character
// except tab.
func validValue(value string) bool {
	for _, c := range []byte(value) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
