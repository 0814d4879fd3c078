package forward

import (
	"net/url"
	"testing"
)

func TestPlainText(t *testing.T) {
	for text, want := range map[string]bool{
		"http://usage.example.com": true, "http://usage.example.com:4318/v1/metrics": true, "http://192.0.2.1": true, "http://10.0.0.1:4318": true,
		"http://[2001:db8::1]:4318": true, "http://[fe80::1%25eth0]:4318": true, "http://collector:4318": true, "http://0.0.0.0:4318": true,
		"http://localhost.example.com": true, "http://notlocalhost": true, "http://127.0.0.1.example.com": true, "http://[::ffff:192.0.2.1]": true,
		"http://localhost": false, "http://LocalHost:4318": false, "http://localhost.:4318": false, "http://usage.localhost": false,
		"http://127.0.0.1:4318": false, "http://127.77.66.55": false, "http://[::1]:4318": false, "http://[::1%25lo]:4318": false, "http://[::ffff:127.0.0.1]": false,
		"https://usage.example.com": false, "https://192.0.2.1": false,
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := PlainText(u); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if PlainText(nil) {
		t.Error("nothing is sent in plain text")
	}
}
