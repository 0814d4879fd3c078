package otlpbody

import "go.opentelemetry.io/otel/attribute"

// value writes an AnyValue, which is empty for an empty value.
func (e *encoder) value(field uint64, v attribute.Value) {
	e.message(field, func() {
		switch v.Type() {
		case attribute.EMPTY:
		case attribute.STRING:
			e.putText(1, v.AsString())
		case attribute.BOOL:
			e.putFlag(2, v.AsBool())
		case attribute.INT64:
			e.putVarint(3, uint64(v.AsInt64()))
		case attribute.FLOAT64:
			e.putFloat(4, v.AsFloat64())
		case attribute.STRINGSLICE:
			array(e, v.AsStringSlice(), attribute.StringValue)
		case attribute.BOOLSLICE:
			array(e, v.AsBoolSlice(), attribute.BoolValue)
		case attribute.INT64SLICE:
			array(e, v.AsInt64Slice(), attribute.Int64Value)
		case attribute.FLOAT64SLICE:
			array(e, v.AsFloat64Slice(), attribute.Float64Value)
		case attribute.SLICE:
			array(e, v.AsSlice(), func(v attribute.Value) attribute.Value { return v })
		case attribute.MAP:
			e.message(6, func() { e.keyValues(1, v.AsMap()) })
		case attribute.BYTESLICE:
			e.putBytes(7, v.AsByteSlice())
		default:
			e.putText(1, "INVALID") // as otlpmetrichttp
		}
	})
}

// array writes an ArrayValue.
func array[T any](e *encoder, values []T, value func(T) attribute.Value) {
	e.message(5, func() {
		for _, v := range values {
			e.value(1, value(v))
		}
	})
}
