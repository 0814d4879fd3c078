// Package otlpbody writes metrics as the body of an OTLP request, byte for byte as
// otlpmetrichttp does, without package protobuf and the generated types: those
// add 2 MB to a program and 0.3 ms to its start, also where nothing is sent.
package otlpbody
