package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// client is the address that nobody may keep, and forwarded one that a client names.
const (
	client    = "127.77.66.55"
	forwarded = "198.51.100.77"
	agent     = "OTel-Go-Exporter/1.47"
)

// collector stands for the Collector, and notes what it is told of a client.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	seen  []string
	taken int
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := new(collector)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err == nil && string(body) == "counts" && r.Header.Get("Content-Encoding") == "gzip" && r.Header.Get("Content-Type") == "application/x-protobuf" && r.Header.Get("Authorization") == "Bearer t" {
			c.taken++
		}
		for name, values := range r.Header {
			c.seen = append(c.seen, name+": "+strings.Join(values, ", "))
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// program returns a proxy's command, or skips the test.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil || runtime.GOOS != "linux" { // which lets a client choose its loopback address
		t.Skipf("needs %s on Linux", name)
	}
	return path
}

// replaced returns a shipped file in which texts are replaced.
func replaced(t *testing.T, file string, pairs ...string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(content), pairs[i]) {
			t.Fatalf("%s has no %q", file, pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(string(content))
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestNginxKeepsNoAddress.
func TestNginxKeepsNoAddress(t *testing.T) {
	nginx, dir, port := program(t, "nginx"), t.TempDir(), freePort(t)
	c := newCollector(t)
	write(t, filepath.Join(dir, "usage.conf"), replaced(t, "nginx.conf", "listen 443 ssl;", "listen 127.0.0.1:"+port+";",
		"ssl_certificate /etc/ssl/usage.pem;", "", "ssl_certificate_key /etc/ssl/usage.key;", "", "127.0.0.1:4318", c.Listener.Addr().String()))
	temp := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += fmt.Sprintf("%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	write(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log info;
		events {} http { access_log %[1]s/access.log; %[2]s include %[1]s/usage.conf; }`, dir, temp))
	keepsNoAddress(t, dir, port, c, 200, http.StatusBadGateway, exec.Command(nginx, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "start.log")))
}

// TestCaddyKeepsNoAddress.
func TestCaddyKeepsNoAddress(t *testing.T) {
	caddy, dir, port := program(t, "caddy"), t.TempDir(), freePort(t)
	c := newCollector(t)
	write(t, filepath.Join(dir, "Caddyfile"), replaced(t, "Caddyfile", "{\n\tlog {", "{\n\tadmin off\n\tlog {",
		"usage.example.com {", "http://127.0.0.1:"+port+" {", "127.0.0.1:4318", c.Listener.Addr().String()))
	cmd := exec.Command(caddy, "run", "--config", filepath.Join(dir, "Caddyfile"), "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	keepsNoAddress(t, dir, port, c, 1, http.StatusBadGateway, cmd)
}

// TestHAProxyKeepsNoAddress.
func TestHAProxyKeepsNoAddress(t *testing.T) {
	haproxy, dir, port := program(t, "haproxy"), t.TempDir(), freePort(t)
	c := newCollector(t)
	file := filepath.Join(dir, "haproxy.cfg")
	write(t, file, replaced(t, "haproxy.cfg", "bind :443 ssl crt /etc/ssl/usage.pem", "bind 127.0.0.1:"+port, "127.0.0.1:4318", c.Listener.Addr().String()))
	keepsNoAddress(t, dir, port, c, 200, http.StatusServiceUnavailable, exec.Command(haproxy, "-db", "-f", file))
}

// keepsNoAddress runs a proxy, sends requests of all fates through it, and looks for
// the client in everything that it wrote and passed on. How many requests it takes to
// go beyond the limit is given, and the answer while the Collector is down.
func keepsNoAddress(t *testing.T, dir, port string, c *collector, requests, down int, cmd *exec.Cmd) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	from := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}).DialContext}}
	send := func(path string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:"+port+path, strings.NewReader("counts"))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"X-Forwarded-For": forwarded, "X-Real-IP": forwarded, "Forwarded": "for=" + forwarded, "User-Agent": agent,
			"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", "Authorization": "Bearer t"} {
			req.Header.Set(name, value)
		}
		resp, err := from.Do(req)
		if err != nil {
			return 0
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for send("/v1/metrics") != http.StatusOK {
		select {
		case <-ctx.Done():
			stop()
			t.Fatalf("it does not answer: %s", &said)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if status := send("/v1/traces"); status != http.StatusNotFound {
		t.Errorf("another path is answered with %d", status)
	}
	c.Close() // from here on it fails
	fates := map[int]bool{}
	for range requests {
		fates[send("/v1/metrics")] = true
	}
	stop()
	if !fates[down] || requests > 1 && !fates[http.StatusTooManyRequests] {
		t.Errorf("the answers were %v", fates)
	}
	if c.taken == 0 {
		t.Errorf("nothing arrived as it was sent, only %q", c.seen)
	}
	written := map[string]string{"what it printed": said.String(), "what it passed on": strings.Join(c.seen, "\n")}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		written[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range written {
		for _, address := range []string{client, forwarded, agent} {
			if strings.Contains(text, address) {
				t.Errorf("%s has %s:\n%.2000s", where, address, text)
			}
		}
	}
}
