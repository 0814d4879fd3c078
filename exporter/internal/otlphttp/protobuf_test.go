package otlphttp

import (
	"testing"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// FuzzProtobuf holds that an answer is read as package protobuf reads it. OTLP has
// no groups, so a body with one counts as unreadable.
func FuzzProtobuf(f *testing.F) {
	for _, body := range []string{
		"", rpcStatus, loginPage, success(f, 2, "old"), success(f, -1, ""), success(f, 0, "hi") + success(f, 3, ""),
		"\x0a\x00", "\x0a\x01", "\x0a\x80", "\x00", "\x00\x01", "\x02\x00", "\x08\x01", "\x0a\x03\x12\x01\xff", "\x0a\x02\x1a\x00", "\x12\x01x", "\x0d1234", "\x09123", "\x0912345678",
		"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\xf8\xff\xff\xff\x0f\x00", "\xf8\xff\xff\xff\x1f\x00",
		"\x0a\x03\x0a\x01x", "\x8a\x00\x02\x08\x05", "\x0b\x0c",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if hasGroup(body) {
			return
		}
		var want colmetricpb.ExportMetricsServiceResponse
		err := proto.Unmarshal(body, &want)
		got, unknown, ok := parseProtobuf(body)
		if ok != (err == nil) {
			t.Fatalf("%x: read %v, package protobuf says %v", body, ok, err)
		}
		if !ok {
			return
		}
		if more := len(want.ProtoReflect().GetUnknown()) > 0; unknown != more {
			t.Errorf("%x: unknown fields %v, want %v", body, unknown, more)
		}
		p := want.GetPartialSuccess()
		if got.rejected != p.GetRejectedDataPoints() || got.message != p.GetErrorMessage() {
			t.Errorf("%x: got %+v, want %v", body, got, p)
		}
	})
}

// hasGroup reports whether a group begins or ends in the body, or in field 1 of it.
func hasGroup(body []byte) bool {
	for len(body) > 0 {
		number, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return false
		}
		if kind == protowire.StartGroupType || kind == protowire.EndGroupType {
			return true
		}
		size := protowire.ConsumeFieldValue(number, kind, body[n:])
		if size < 0 {
			return false
		}
		if number == 1 && kind == protowire.BytesType {
			if inner, _ := protowire.ConsumeBytes(body[n:]); hasGroup(inner) {
				return true
			}
		}
		body = body[n+size:]
	}
	return false
}
