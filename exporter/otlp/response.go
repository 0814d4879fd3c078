package otlp

import (
	"bytes"
	"encoding/json"
	"strconv"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// response is what an ExportMetricsServiceResponse says.
type response struct {
	rejected int64
	message  string
}

// parseResponse reads the body of a success. ok says whether it is an OTLP
// answer: empty, protobuf, or the JSON form of it that some servers send
// whatever they were sent. A body without a type or with a vague one counts if
// it is protobuf without a field that OTLP does not know, which no text is.
func parseResponse(mediaType string, body []byte) (r response, ok bool) {
	if len(bytes.TrimSpace(body)) == 0 {
		return response{}, true
	}
	switch mediaType {
	case typeProtobuf:
		return parseProtobuf(body)
	case typeJSON:
		return parseJSON(body)
	case "", "application/protobuf", "application/octet-stream":
		var m colmetricpb.ExportMetricsServiceResponse
		if proto.Unmarshal(body, &m) != nil || len(m.ProtoReflect().GetUnknown()) > 0 {
			return response{}, false
		}
		return parseProtobuf(body)
	}
	return response{}, false
}

func parseProtobuf(body []byte) (response, bool) {
	var m colmetricpb.ExportMetricsServiceResponse
	if err := proto.Unmarshal(body, &m); err != nil {
		return response{}, false
	}
	p := m.GetPartialSuccess()
	return response{rejected: p.GetRejectedDataPoints(), message: p.GetErrorMessage()}, true
}

// parseJSON reads OTLP/JSON, in which a 64-bit integer is a string or a number.
// An object that has members but no partial success is somebody else's answer,
// such as {"error":"log in first"}.
func parseJSON(body []byte) (response, bool) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return response{}, false
	}
	partial, ok := members["partialSuccess"]
	if !ok {
		partial, ok = members["partial_success"]
	}
	if !ok {
		return response{}, len(members) == 0
	}
	var p struct {
		Rejected      integer `json:"rejectedDataPoints"`
		RejectedSnake integer `json:"rejected_data_points"`
		Message       string  `json:"errorMessage"`
		MessageSnake  string  `json:"error_message"`
	}
	if err := json.Unmarshal(partial, &p); err != nil {
		return response{}, false
	}
	return response{
		rejected: max(int64(p.Rejected), int64(p.RejectedSnake)),
		message:  p.Message + p.MessageSnake,
	}, true
}

// integer is an int64 in JSON, with or without quotation marks.
type integer int64

func (i *integer) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseInt(string(bytes.Trim(b, `"`)), 10, 64)
	if err != nil && string(b) != "null" {
		return err
	}
	*i = integer(n)
	return nil
}

// statusMessage returns the message of a google.rpc.Status, field 2, which is
// the body of an OTLP/HTTP failure; empty if there is none.
func statusMessage(body []byte) string {
	for len(body) > 0 {
		num, typ, n := protowire.ConsumeTag(body)
		if n < 0 {
			return ""
		}
		body = body[n:]
		if num == 2 && typ == protowire.BytesType {
			v, n := protowire.ConsumeBytes(body)
			if n < 0 {
				return ""
			}
			return string(v)
		}
		if n = protowire.ConsumeFieldValue(num, typ, body); n < 0 {
			return ""
		}
		body = body[n:]
	}
	return ""
}
