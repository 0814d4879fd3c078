package light

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/otlpbody"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/otlphttp"
)

// userAgent names the package and nothing of the user's.
const userAgent = "anonymoususage-go-otlp-light"

// maxRequest is the size of the largest body, before compression, as
// otlpmetrichttp has it.
const maxRequest = 64 << 20

// client encodes and posts what it is given.
type client struct {
	transport   http.RoundTripper
	compression Compression
}

func newClient(rt http.RoundTripper, compression Compression) (otlphttp.Client, error) {
	return client{transport: rt, compression: compression}, nil
}

// Export implements [otlphttp.Client].
func (c client) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	body, err := otlpbody.Encode(rm)
	if err != nil {
		return err
	}
	if len(body) > maxRequest {
		return fmt.Errorf("the request has more than %d bytes", maxRequest)
	}
	encoding := ""
	if c.compression == GzipCompression {
		encoding = "gzip"
		if body, err = compress(body); err != nil {
			return err
		}
	}
	// The transport knows the endpoint.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", otlphttp.TypeProtobuf)
	r.Header.Set("User-Agent", userAgent)
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Shutdown implements [otlphttp.Client]: a client holds nothing.
func (c client) Shutdown(context.Context) error { return nil }

func compress(body []byte) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(body); err != nil {
		return nil, fmt.Errorf("compress request: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compress request: %w", err)
	}
	return out.Bytes(), nil
}
