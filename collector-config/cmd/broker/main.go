// Command broker is a Kafka broker for trying out the configurations in kafka/ on one
// machine, and for their tests:
//
//	go run -C collector-config/cmd/broker . -listen 127.0.0.1:9092 -dir /tmp/broker
//
// It is franz-go's kfake, a stand-in that speaks Kafka's protocol: no cluster, no
// replicas, and nothing to depend on. It is a separate module because nothing else here
// needs a Kafka library.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9092", "the address, of loopback")
	dir := flag.String("dir", "", "the directory of what it holds; none: it forgets when it ends")
	topic := flag.String("topic", "otelusage", "the topic that it has")
	partitions := flag.Int("partitions", 4, "its partitions")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *dir, *topic, int32(*partitions)); err != nil {
		fmt.Fprintln(os.Stderr, "broker:", err)
		os.Exit(1)
	}
}

// run serves until the context ends. Each request is written to disk before its answer.
func run(ctx context.Context, listen, dir, topic string, partitions int32) error {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("read address: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return errors.New("read address: it is no broker to show to others, only to 127.0.0.1")
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("read address: %w", err)
	}
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(partitions, topic),
		kfake.BrokerConfigs(map[string]string{"message.max.bytes": "4194304"})}
	if dir != "" {
		options = append(options, kfake.DataDir(dir), kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return fmt.Errorf("start broker: %w", err)
	}
	<-ctx.Done()
	cluster.Close()
	return nil
}
