package main

import (
	"context"
	"io"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/linking"
)

func compare(context.Context, io.Writer, string, string, *linking.Result) error { return nil }
