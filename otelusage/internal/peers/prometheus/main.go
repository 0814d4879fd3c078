// Command prometheus counts once in memory and ends.
package main

import "github.com/prometheus/client_golang/prometheus"

func main() {
	runs := prometheus.NewCounter(prometheus.CounterOpts{Name: "runs", Help: "Runs of the program"})
	prometheus.MustRegister(runs)
	runs.Inc()
}
