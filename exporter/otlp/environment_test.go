package otlp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// variables are all that otlpmetrichttp v1.47.0 reads, and the specification's others.
var variables = []string{
	"ENDPOINT", "HEADERS", "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY",
	"COMPRESSION", "TIMEOUT", "INSECURE", "PROTOCOL",
}

const (
	envPrefix        = "OTEL_EXPORTER_OTLP_"
	envMetricsPrefix = "OTEL_EXPORTER_OTLP_METRICS_"
)

// setBoth sets the general and the metrics form of a variable.
func setBoth(t *testing.T, key, value string) {
	t.Helper()
	t.Setenv(envPrefix+key, value)
	t.Setenv(envMetricsPrefix+key, value)
}

// cleanEnvironment unsets whatever the machine has.
func cleanEnvironment(t *testing.T) {
	t.Helper()
	for _, key := range variables {
		setBoth(t, key, "")
	}
}

func TestNamedEndpointIsIsolatedFromTheEnvironment(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		other := startReceiver(t, acceptAll, nil)
		cert, key := clientCertificate(t)
		garbage := filepath.Join(t.TempDir(), "garbage.pem")
		if err := os.WriteFile(garbage, []byte("no certificate"), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, env := range map[string]map[string]string{
			"valid": {
				"ENDPOINT": other.URL, "HEADERS": "authorization=Bearer users-own,x-users=own",
				"CERTIFICATE": cert, "CLIENT_CERTIFICATE": cert, "CLIENT_KEY": key,
				"COMPRESSION": "none", "TIMEOUT": "1", "INSECURE": "true", "PROTOCOL": "grpc",
			},
			"secure": {"ENDPOINT": "https://127.0.0.1:1", "INSECURE": "false", "CERTIFICATE": cert},
			"garbage": {
				"ENDPOINT": "http://[::1", "HEADERS": "no equals sign,=x,%zz=%zz,a=\r\n",
				"CERTIFICATE": garbage, "CLIENT_CERTIFICATE": garbage, "CLIENT_KEY": garbage,
				"COMPRESSION": "zstd", "TIMEOUT": "soon", "INSECURE": "perhaps", "PROTOCOL": "smoke",
			},
			"missing files": {
				"CERTIFICATE": "/does/not/exist", "CLIENT_CERTIFICATE": "/does/not/exist", "CLIENT_KEY": "/does/not/exist",
			},
		} {
			t.Run(name, func(t *testing.T) {
				cleanEnvironment(t)
				for key, value := range env {
					setBoth(t, key, value)
				}
				t.Setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative")
				t.Setenv("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram")

				slow := func(w http.ResponseWriter, r *http.Request) {
					time.Sleep(10 * time.Millisecond) // longer than the user's timeout
					acceptAll(w, r)
				}
				r := startReceiver(t, slow, nil)
				e := newExporter(t, WithEndpointURL(r.URL+"/in"), WithHeaders(map[string]string{"X-Ours": "1"}))
				if err := e.Export(t.Context(), delta(1)); err != nil {
					t.Fatal(err)
				}
				got := r.only(t)
				want := map[string]string{
					"X-Ours": "1", "Content-Type": typeProtobuf, "Content-Encoding": "gzip",
					"Accept-Encoding": "gzip", "Connection": "close", // net/http's own
				}
				for key, values := range got.header {
					if key == "User-Agent" || key == "Content-Length" {
						continue
					}
					if w, ok := want[key]; !ok || strings.Join(values, ",") != w {
						t.Errorf("header %s: %q was sent", key, values)
					}
					delete(want, key)
				}
				if len(want) != 0 || got.path != "/in" || got.query != "" {
					t.Errorf("missing headers %v, or wrong target %s?%s", want, got.path, got.query)
				}
				for k := range sdkmetric.InstrumentKindGauge + 1 {
					if e.Temporality(k) != metricdata.DeltaTemporality {
						t.Errorf("temporality of %v is %v", k, e.Temporality(k))
					}
				}
				if _, ok := e.Aggregation(sdkmetric.InstrumentKindHistogram).(sdkmetric.AggregationExplicitBucketHistogram); !ok {
					t.Errorf("histograms are %v", e.Aggregation(sdkmetric.InstrumentKindHistogram))
				}

				// TLS: neither the user's authority nor the user's certificate.
				var presented int
				secure := startReceiver(t, func(w http.ResponseWriter, r *http.Request) {
					presented = len(r.TLS.PeerCertificates)
					acceptAll(w, r)
				}, startMutualTLS)
				pool := x509.NewCertPool()
				pool.AddCert(secure.Certificate())
				e = newExporter(t, WithEndpointURL(secure.URL), WithTLSConfig(&tls.Config{RootCAs: pool}))
				if err := e.Export(t.Context(), delta(1)); err != nil || presented != 0 {
					t.Errorf("over TLS: %v, with %d client certificates", err, presented)
				}
			})
		}
		if n := len(other.requests()); n != 0 {
			t.Errorf("the user's endpoint got %d requests", n)
		}
	})
}

func TestBareExporterReadsTheEnvironment(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		cleanEnvironment(t)
		r := startReceiver(t, acceptAll, nil)
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL+"/base/")
		t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "a=b%20c, x-key = k ,host=evil,content-type=evil")
		t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
		t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1500")

		e := newExporter(t)
		if err := e.Export(t.Context(), delta(1)); err != nil {
			t.Fatal(err)
		}
		got := r.only(t)
		if got.path != "/base/v1/metrics" || got.header.Get("A") != "b c" || got.header.Get("X-Key") != "k" ||
			got.header.Get("Content-Encoding") != "" || got.header.Get("Content-Type") != typeProtobuf || got.host == "evil" {
			t.Errorf("got %s %v", got.path, got.header)
		}

		t.Run("the form for metrics wins", func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", r.URL)
			t.Setenv("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "m=1")
			t.Setenv("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip")
			t.Setenv("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "2000")
			e := newExporter(t)
			if err := e.Export(t.Context(), delta(1)); err != nil {
				t.Fatal(err)
			}
			got := r.requests()[1]
			if got.path != "/" || got.header.Get("A") != "" || got.header.Get("M") != "1" ||
				got.header.Get("Content-Encoding") != "gzip" {
				t.Errorf("got %s %v", got.path, got.header)
			}
		})
		t.Run("options win", func(t *testing.T) {
			e := newExporter(t, WithHeaders(nil), WithTimeout(time.Second), WithCompression(GzipCompression))
			if err := e.Export(t.Context(), delta(1)); err != nil {
				t.Fatal(err)
			}
			got := r.requests()[2]
			if got.header.Get("A") != "" || got.header.Get("Content-Encoding") != "gzip" {
				t.Errorf("got %v", got.header)
			}
		})
	})
}

func TestBareExporterReadsCertificates(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		cleanEnvironment(t)
		var presented int
		r := startReceiver(t, func(w http.ResponseWriter, req *http.Request) {
			presented = len(req.TLS.PeerCertificates)
			acceptAll(w, req)
		}, startMutualTLS)
		ca := filepath.Join(t.TempDir(), "ca.pem")
		writePEM(t, ca, "CERTIFICATE", r.Certificate().Raw)
		cert, key := clientCertificate(t)
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
		t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", ca)
		t.Setenv("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", cert)
		t.Setenv("OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", key)
		if err := newExporter(t).Export(t.Context(), delta(1)); err != nil {
			t.Fatal(err)
		}
		if presented != 1 {
			t.Errorf("%d client certificates were presented", presented)
		}
	})
}

func TestBadEnvironmentIsAnError(t *testing.T) {
	eachConstructor(t, func(t *testing.T, construct constructor) {
		garbage := filepath.Join(t.TempDir(), "garbage.pem")
		if err := os.WriteFile(garbage, []byte("no certificate"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct{ key, value string }{
			{"ENDPOINT", "hunter2:4318"},
			{"ENDPOINT", "http://me:hunter2@h"},
			{"HEADERS", "hunter2"},
			{"HEADERS", "a=hunter2%zz"},
			{"HEADERS", "a=hunter2%0Ab"},
			{"HEADERS", "a b=hunter2"},
			{"TIMEOUT", "-1"},
			{"TIMEOUT", "9223372036854775807"},
			{"COMPRESSION", "hunter2"},
			{"CERTIFICATE", "/does/not/exist"},
			{"CERTIFICATE", garbage},
		} {
			cleanEnvironment(t)
			t.Setenv(envPrefix+tt.key, tt.value)
			e, err := construct(t.Context())
			if err == nil || !isNil(e) {
				t.Errorf("%s=%s: got %v, %v", tt.key, tt.value, e, err)
				continue
			}
			if !strings.Contains(err.Error(), envPrefix+tt.key) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s=%s: %v", tt.key, tt.value, err)
			}
		}
		cleanEnvironment(t)
		t.Setenv(envPrefix+"CLIENT_CERTIFICATE", garbage)
		t.Setenv(envPrefix+"CLIENT_KEY", garbage)
		if _, err := construct(t.Context()); err == nil {
			t.Error("a broken client key is no error")
		}
	})
}

// startMutualTLS asks clients for a certificate and takes any.
func startMutualTLS(s *httptest.Server) {
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
}

// clientCertificate writes a key pair to files.
func clientCertificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, certFile, "CERTIFICATE", der)
	writePEM(t, keyFile, "PRIVATE KEY", keyDER)
	return certFile, keyFile
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
