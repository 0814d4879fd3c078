package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// Series is a result of a query over time.
type Series struct {
	Labels map[string]string
	Points []Point
}

// Point is a value at a time.
type Point struct {
	At    time.Time
	Value float64
}

// QueryRange returns the results of a query at each step, without NaN.
func (a API) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	seconds := func(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }
	body, _, err := get(ctx, string(a)+"/api/v1/query_range?"+url.Values{"query": {expr}, "start": {seconds(from)}, "end": {seconds(to)},
		"step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)}}.Encode())
	if err != nil {
		return nil, fmt.Errorf("query Prometheus: %w", err)
	}
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("query Prometheus: %w", err)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("query Prometheus: %s: %s", expr, answer.Error)
	}
	var list []Series
	for _, r := range answer.Data.Result {
		series := Series{Labels: r.Metric}
		for _, v := range r.Values {
			at, _ := v[0].(float64)
			text, _ := v[1].(string)
			f, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, fmt.Errorf("query Prometheus: %w", err)
			}
			if f == f {
				series.Points = append(series.Points, Point{time.UnixMilli(int64(at * 1000)), f})
			}
		}
		list = append(list, series)
	}
	return list, nil
}

// Results asks what a panel asks: one list for each of its targets. What is not asked
// over time has one point.
func (a API) Results(ctx context.Context, p Panel, from, to time.Time, step time.Duration) ([][]Series, error) {
	var all [][]Series
	for _, t := range p.Targets {
		if !t.Instant {
			series, err := a.QueryRange(ctx, t.Expr, from, to, step)
			if err != nil {
				return nil, err
			}
			all = append(all, series)
			continue
		}
		values, err := a.Query(ctx, t.Expr)
		if err != nil {
			return nil, err
		}
		var series []Series
		for _, v := range values {
			series = append(series, Series{v.Labels, []Point{{to, v.Value}}})
		}
		all = append(all, series)
	}
	return all, nil
}
