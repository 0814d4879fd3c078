package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// API is the URL of a server that answers Prometheus' queries.
type API string

// Value is one result of a query.
type Value struct {
	Labels map[string]string
	Value  float64
}

// Query returns the result of an instant query, without NaN.
func (a API) Query(ctx context.Context, expr string) ([]Value, error) {
	return a.query(ctx, url.Values{"query": {expr}})
}

// QueryAt returns what Query returns at another time than now.
func (a API) QueryAt(ctx context.Context, expr string, at time.Time) ([]Value, error) {
	return a.query(ctx, url.Values{"query": {expr}, "time": {strconv.FormatInt(at.Unix(), 10)}})
}

func (a API) query(ctx context.Context, values url.Values) ([]Value, error) {
	body, _, err := get(ctx, string(a)+"/api/v1/query?"+values.Encode())
	if err != nil {
		return nil, fmt.Errorf("query Prometheus: %w", err)
	}
	var answer struct {
		Status, Error string
		Data          struct {
			ResultType string
			Result     []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("query Prometheus: %w", err)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("query Prometheus: %s: %s", values.Get("query"), answer.Error)
	}
	var found []Value
	for _, r := range answer.Data.Result {
		text, _ := r.Value[1].(string)
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("query Prometheus: %w", err)
		}
		if f == f {
			found = append(found, Value{r.Metric, f})
		}
	}
	return found, nil
}

// Names returns the names of the metrics that match.
func (a API) Names(ctx context.Context, match string) ([]string, error) {
	body, _, err := get(ctx, string(a)+"/api/v1/label/__name__/values?match[]="+url.QueryEscape(match))
	if err != nil {
		return nil, fmt.Errorf("list metrics: %w", err)
	}
	var answer struct{ Data []string }
	err = json.Unmarshal(body, &answer)
	return answer.Data, err
}

func get(ctx context.Context, url string) (body []byte, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return nil, 0, err
	}
	body, err = io.ReadAll(resp.Body)
	return body, resp.StatusCode, errors.Join(err, resp.Body.Close())
}
