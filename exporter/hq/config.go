package hq

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
)

// DefaultTimeout bounds one upload, from dialling to the end of the answer. The
// Python library has the same.
const DefaultTimeout = 10 * time.Second

// uploadPath is where HQ takes uploads, below the host's own path.
const uploadPath = "usagestats/upload"

// Config says where and how to upload. Host and APIKey are required.
type Config struct {
	// Host is the server: a name or an address, optionally with scheme, port
	// and path, as in www.usagetrackerapp.com, http://localhost:8000 or
	// https://[2001:db8::1]/hq. The default scheme is https.
	Host string

	// APIKey is the application's key at HQ. It is never logged, and packages
	// fmt, log/slog and encoding/json do not show it when they print a Config.
	APIKey string

	// Timeout bounds each upload; 0 means [DefaultTimeout]. A context that ends
	// sooner ends the upload.
	Timeout time.Duration

	// TLSConfig sets which certificates connections trust and present; nil
	// trusts the system's certificate authorities. It is cloned. With an http://
	// host it is an error.
	TLSConfig *tls.Config
}

// Format implements [fmt.Formatter] for every verb, without the API key.
func (c Config) Format(s fmt.State, _ rune) {
	key := ""
	if c.APIKey != "" {
		key = redact.Placeholder
	}
	_, _ = fmt.Fprintf(s, "hq.Config{Host:%q APIKey:%q Timeout:%v}", c.shownHost(), key, c.Timeout)
}

// shownHost is Host without its path, which may be a secret.
func (c Config) shownHost() string {
	endpoint, err := parseHost(c.Host)
	switch {
	case c.Host == "":
		return ""
	case err != nil:
		return redact.Placeholder
	}
	return newRedactor(c.APIKey).Own(endpoint.Scheme+"://"+endpoint.Host) + "/"
}

// LogValue implements [slog.LogValuer], without the API key.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// MarshalText implements [encoding.TextMarshaler], and so JSON, without the API
// key.
func (c Config) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(c)), nil }

// check fills in defaults and returns the URL to upload to. All errors are
// reported; none quotes what was given, in which a key may be misplaced.
func (c *Config) check() (*url.URL, error) {
	endpoint, err := parseHost(c.Host)
	if err != nil {
		err = fmt.Errorf("host: %w", err)
	}
	errs := []error{err}
	if err := checkKey(c.APIKey); err != nil {
		errs = append(errs, fmt.Errorf("API key: %w", err))
	}
	switch {
	case c.Timeout < 0:
		errs = append(errs, fmt.Errorf("timeout: %v is negative", c.Timeout))
	case c.Timeout == 0:
		c.Timeout = DefaultTimeout
	}
	if c.TLSConfig != nil {
		c.TLSConfig = c.TLSConfig.Clone()
		if endpoint != nil && endpoint.Scheme == "http" {
			errs = append(errs, errors.New("TLS configuration: the host is http, which has no TLS"))
		}
	}
	return endpoint, errors.Join(errs...)
}

func parseHost(host string) (*url.URL, error) {
	const want = "want name[:port][/path], optionally after https:// or http://"
	switch {
	case host == "":
		return nil, errors.New("it is empty")
	case !printable(host):
		return nil, errors.New("it holds a line break or another character that cannot be printed")
	case !strings.Contains(host, "://"):
		host = "https://" + host
	}
	// The scheme is looked at first: url.Parse fails on some, quoting the text.
	switch scheme, _, _ := strings.Cut(host, "://"); strings.ToLower(scheme) {
	case "https", "http":
	default:
		return nil, errors.New("its scheme is neither https nor http")
	}
	u, err := url.Parse(host)
	switch {
	case err != nil:
		return nil, errors.New("it is no valid host, " + want)
	case u.User != nil:
		return nil, errors.New("it holds user information, " + want)
	case u.RawQuery != "" || u.ForceQuery:
		return nil, errors.New("it holds a query, " + want)
	case strings.Contains(host, "#"):
		return nil, errors.New("it holds a fragment, " + want)
	case u.Hostname() == "":
		return nil, errors.New("it names no host, " + want)
	case strings.Count(u.Host, ":") > 1 && !strings.HasPrefix(u.Host, "["):
		return nil, errors.New("an IPv6 address must be in brackets")
	case strings.HasSuffix(u.Host, ":"):
		return nil, errors.New("the port is empty")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return nil, errors.New("the port is not between 1 and 65535")
		}
	}
	return u.JoinPath(uploadPath), nil
}

func checkKey(key string) error {
	switch {
	case strings.TrimSpace(key) == "":
		return errors.New("it is empty")
	case !printable(key):
		return errors.New("it holds a line break or another character that cannot be printed")
	}
	return nil
}

// printable reports whether s is valid text without control characters.
func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
}
