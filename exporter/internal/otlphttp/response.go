package otlphttp

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
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
	case TypeProtobuf:
		r, _, ok := parseProtobuf(body)
		return r, ok
	case typeJSON:
		return parseJSON(body)
	case "", "application/protobuf", "application/octet-stream":
		if r, unknown, ok := parseProtobuf(body); ok && !unknown {
			return r, true
		}
	}
	return response{}, false
}

// parseProtobuf reads an ExportMetricsServiceResponse, whose field 1 is the partial
// success. unknown says whether it has fields that OTLP does not know.
func parseProtobuf(body []byte) (r response, unknown, ok bool) {
	ok = eachField(body, func(f field) bool {
		if f.number != 1 || f.kind != wireBytes {
			unknown = true
			return true
		}
		return r.readPartialSuccess(f.bytes)
	})
	if !ok {
		return response{}, unknown, false
	}
	return r, unknown, true
}

// readPartialSuccess reads an ExportMetricsPartialSuccess: field 1 is how many
// points were rejected, field 2 why.
func (r *response) readPartialSuccess(body []byte) bool {
	return eachField(body, func(f field) bool {
		switch {
		case f.number == 1 && f.kind == wireVarint:
			r.rejected = int64(f.varint)
		case f.number == 2 && f.kind == wireBytes:
			r.message = string(f.bytes)
			return utf8.Valid(f.bytes)
		}
		return true
	})
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
func statusMessage(body []byte) (message string) {
	eachField(body, func(f field) bool {
		if f.number != 2 || f.kind != wireBytes {
			return true
		}
		message = string(f.bytes)
		return false
	})
	return message
}
