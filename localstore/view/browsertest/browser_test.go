package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long the page may take for anything. It is no measure of it.
const patience = 90 * time.Second

const pollInterval = 50 * time.Millisecond

// browser is a tab that notes what must not happen.
type browser struct {
	context.Context
	t   *testing.T
	url string

	mu       sync.Mutex
	expected []string // parts of console errors that a test brings about
	troubles []string
}

// start opens the page in a browser with a profile of its own.
func start(t *testing.T, url string) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.WindowSize(1280, 900))
	allocator, endBrowser := chromedp.NewExecAllocator(context.Background(), options...)
	tab, endTab := chromedp.NewContext(allocator)
	ctx, cancel := context.WithTimeout(tab, patience)
	b := &browser{Context: ctx, t: t, url: url}
	t.Cleanup(func() {
		cancel()
		endTab()
		endBrowser()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, trouble := range b.troubles {
			t.Error(trouble)
		}
	})
	must(t, chromedp.Do(tab)) // starts the browser, which lives as long as this context
	must(t, chromedp.Listen(tab, b.note))
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	b.run(chromedp.Navigate(url))
	return b
}

func chromium(t *testing.T) string {
	t.Helper()
	if os.Getenv("OTELUSAGE_E2E") != "1" {
		t.Skip("needs a browser; OTELUSAGE_E2E=1 runs it")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no Chromium")
	return ""
}

// note keeps errors of the page and requests that leave it.
func (b *browser) note(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.url) {
			b.trouble("request to " + e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		b.trouble(fmt.Sprintf("exception: %+v", e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		b.trouble(fmt.Sprintf("console: %s %+v", e.Type, e.Args))
	case *log.EventEntryAdded:
		b.trouble(fmt.Sprintf("log: %s %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	}
}

func (b *browser) trouble(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, part := range b.expected {
		if strings.Contains(text, part) {
			return
		}
	}
	b.troubles = append(b.troubles, text)
}

func (b *browser) expect(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, part)
}

func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	must(b.t, chromedp.Do(b, actions...))
}

func call[P, R any](b *browser, command cdp.Command[P, R], params P) {
	b.t.Helper()
	_, err := chromedp.Call(b, command, params)
	must(b.t, err)
}

// script runs JavaScript for what it does.
func script(text string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](text)
}

func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

// wait waits until a JavaScript expression is true.
func (b *browser) wait(expression string) {
	b.t.Helper()
	_, err := chromedp.Run(b, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingInterval(pollInterval), chromedp.WithPollingTimeout(patience/2)))
	if err != nil {
		body, _ := chromedp.Run(b, chromedp.Evaluate[string](`document.body.innerText.slice(0, 2000)`))
		b.t.Fatalf("%s: %v\n%s", expression, err, body)
	}
}

func evaluate[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b, chromedp.Evaluate[T](expression))
	must(b.t, err)
	return v
}

// size sets the size of the page in CSS pixels.
func (b *browser) size(width, height int64) {
	b.t.Helper()
	b.run(chromedp.EmulateViewport(width, height))
}

// picture leaves a screenshot where somebody asked for them.
func (b *browser) picture(name string) {
	b.t.Helper()
	directory := os.Getenv("OTELUSAGE_SCREENSHOTS")
	if directory == "" {
		return
	}
	png, err := chromedp.Run(b, chromedp.CaptureScreenshot())
	must(b.t, err)
	must(b.t, os.WriteFile(filepath.Join(directory, name+".png"), png, 0o644))
}
