package fleet

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// pause is how long a sender waits before it retries.
const pause = 100 * time.Millisecond

// Run sends everything that the installations send, as fast as it is accepted.
func Run(ctx context.Context, url string, c Config) (*Result, error) {
	c = c.withDefaults()
	began := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	transport := &http.Transport{MaxIdleConnsPerHost: c.Senders}
	defer transport.CloseIdleConnections()
	senders := make([]*sender, c.Senders)
	errs := make([]error, c.Senders)
	var running sync.WaitGroup
	for i := range senders {
		s := newSender(c, url, transport)
		senders[i] = s
		running.Go(func() {
			for number := i; number < c.Installations && errs[i] == nil; number += c.Senders {
				errs[i] = s.simulate(ctx, newInstallation(c, number))
			}
			if errs[i] != nil {
				cancel()
			}
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("simulate installations: %w", err)
	}
	result := &Result{Sent: make(Totals), Excess: make(Totals), Took: time.Since(began), Secrets: secrets}
	for _, s := range senders {
		result.Requests += s.requests
		result.Resent += s.resent
		result.Hostile += s.hostile
		result.Sent.Merge(s.sent)
		result.Excess.Merge(s.excess)
	}
	return result, nil
}

// sender sends for some of the installations.
type sender struct {
	config       Config
	url          string
	client       *http.Client
	zip          *gzip.Writer
	sent, excess Totals

	requests, resent, hostile int
}

func newSender(c Config, url string, transport http.RoundTripper) *sender {
	zip, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level exists
	return &sender{config: c, url: url, client: &http.Client{Transport: transport, Timeout: c.Timeout}, zip: zip,
		sent: make(Totals), excess: make(Totals)}
}

// simulate is an installation's month.
func (s *sender) simulate(ctx context.Context, in *installation) error {
	for _, at := range in.times(s.config) {
		b := in.submit(at)
		again := in.random.Float64() < s.config.Resend
		for _, p := range b.parts {
			request := in.request(b, p)
			if err := s.post(ctx, request); err != nil {
				return err
			}
			s.requests++
			s.count(s.sent, in, p)
			if again {
				if err := s.post(ctx, request); err != nil {
					return err
				}
				s.resent++
				s.count(s.excess, in, p)
			}
			if in.random.Float64() < s.config.Hostile {
				hostile(in.random, request)
				if err := s.post(ctx, request); err != nil {
					return err
				}
				s.hostile++
			}
		}
	}
	return nil
}

func (s *sender) count(into Totals, in *installation, p part) {
	for _, pt := range p.points {
		if isGauge(pt.metric) {
			continue
		}
		series := Series{in.application, versions[p.version], pt.metric, text(pt.attributes)}
		into.add(series, float64(pt.whole)+pt.real, pt.histogram)
	}
}

// post sends one request until it is accepted.
func (s *sender) post(ctx context.Context, request *colmetricpb.ExportMetricsServiceRequest) error {
	raw, err := proto.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	var body bytes.Buffer
	s.zip.Reset(&body)
	if _, err := s.zip.Write(raw); err != nil {
		return fmt.Errorf("compress request: %w", err)
	}
	if err := s.zip.Close(); err != nil {
		return fmt.Errorf("compress request: %w", err)
	}
	for {
		status, err := s.attempt(ctx, body.Bytes())
		switch {
		case err == nil && status == http.StatusOK:
			return nil
		case s.config.Elsewhere != nil && ctx.Err() == nil:
			s.url = s.config.Elsewhere()
		case err != nil:
			return err
		case status != http.StatusServiceUnavailable:
			return fmt.Errorf("answered %d", status)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (s *sender) attempt(ctx context.Context, body []byte) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("send request: %w", err)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, errors.Join(err, resp.Body.Close())
}
