package browsertest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
)

// drawn is true once every plot has a canvas with something on it. One that is
// out of sight is not drawn before it is scrolled to.
const drawn = `(() => {
	const plots = [...document.querySelectorAll("figure.plot")];
	for (const p of plots) p.scrollIntoView();
	scrollTo(0, 0);
	return plots.length === 4 && plots.every((p) => {
		const c = p.querySelector("canvas");
		return c && c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some((v) => v !== 0);
	});
})()`

const shown = `document.querySelectorAll("article.card").length === 5`

func TestPlotsAreDrawnAndTextIsText(t *testing.T) {
	b := start(t, newApplication(t).url)
	b.size(1280, 4000) // all in sight
	b.wait(drawn)
	b.wait(`document.querySelectorAll(".strip span").length > 3 && document.querySelectorAll(".columns-plot span").length > 3`)
	b.wait(`document.querySelector("#log table") && document.querySelector("#next table")`)
	if !evaluate[bool](b, `document.body.textContent.includes("<img src=x")`) {
		t.Error("the hostile state is not shown")
	}
	if evaluate[bool](b, `window.harmed === 1 || document.querySelector("main img") !== null || document.querySelector("main script") !== null`) {
		t.Error("a state's name became markup")
	}
	b.picture("light")
}

func TestEveryPlotHasATableAndALabel(t *testing.T) {
	b := start(t, newApplication(t).url)
	b.wait(shown)
	b.run(script(`document.querySelectorAll("details").forEach((d) => d.querySelector("summary").click())`))
	b.wait(`[...document.querySelectorAll("article.card details")].every((d) => d.querySelectorAll("td").length > 1)`)
	unnamed := evaluate[int](b, `[...document.querySelectorAll("[role=img], [role=region], [role=group]")].filter((n) => !n.ariaLabel && !n.getAttribute("aria-labelledby")).length`)
	if unnamed > 0 {
		t.Errorf("%d parts have no label", unnamed)
	}
	if n := evaluate[int](b, `document.querySelectorAll("h1").length`); n != 1 {
		t.Errorf("%d headings of the first level", n)
	}
}

func TestCountsAppearWhileThePageIsOpen(t *testing.T) {
	a := newApplication(t)
	b := start(t, a.url)
	b.wait(shown)
	before := evaluate[string](b, `document.querySelector("article.card strong").textContent`)
	a.count(t, 1000)
	b.wait(fmt.Sprintf(`document.querySelector("article.card strong").textContent !== %q`, before))
}

func TestConsentIsSwitchedByKeyboard(t *testing.T) {
	a := newApplication(t)
	b := start(t, a.url)
	b.wait(shown)
	for _, step := range []struct {
		name string
		want localstore.Mode
	}{{"on", localstore.ModeOn}, {"local", localstore.ModeLocal}, {"off", localstore.ModeOff}} {
		name, want := step.name, step.want
		focused := fmt.Sprintf(`document.activeElement.dataset.mode === %q`, name)
		for n := 0; !evaluate[bool](b, focused); n++ {
			if n == 10 {
				t.Fatalf("no way to %s by keyboard", name)
			}
			b.run(chromedp.KeyEvent(kb.Tab))
		}
		if evaluate[string](b, `getComputedStyle(document.activeElement).outlineStyle`) == "none" {
			t.Error("the focus is not seen")
		}
		b.run(chromedp.KeyEvent(kb.Enter))
		b.wait(fmt.Sprintf(`document.querySelector("[data-mode=%s]").ariaPressed === "true"`, name))
		b.wait(`document.querySelector("#status").textContent !== ""`)
		if got := a.mode(t); got != want {
			t.Errorf("the mirror says %v, not %v", got, want)
		}
	}
}

func TestEraseAsksFirst(t *testing.T) {
	a := newApplication(t)
	b := start(t, a.url)
	b.wait(shown)
	id := a.mirror.InstallationID()
	b.run(click("#erase"))
	b.wait(`document.querySelector("#confirm").open`)
	b.picture("erase")
	b.run(click("#confirm-no"))
	b.wait(`!document.querySelector("#confirm").open`)
	if a.mirror.InstallationID() != id {
		t.Fatal("erased without a yes")
	}
	b.run(click("#erase"), click("#confirm-yes"))
	b.wait(`!document.querySelector("#confirm").open && document.querySelectorAll("article.card").length === 0`)
	b.wait(`!document.querySelector("#nothing").hidden`)
	if a.mirror.InstallationID() == id {
		t.Error("the mirror was not erased")
	}
}

// TestWhatIsTakenBackIsShown: it leaves the machine as what is new does.
func TestWhatIsTakenBackIsShown(t *testing.T) {
	a := newApplication(t)
	a.server.Set("Elsewhere")
	must(t, a.reader.Record(t.Context()))
	request := outbox.Request{Forwarder: outbox.Delta, MaySend: true, Force: true, Interval: time.Hour, Lease: time.Minute}
	if sub, err := a.mirror.Outbox().Begin(t.Context(), request); err != nil || sub == nil {
		t.Fatalf("nothing is under way, %v", err)
	}
	must(t, a.mirror.Erase(t.Context()))
	b := start(t, a.url)
	b.wait(`document.querySelector("#next").textContent.includes("server.occupancy") && document.querySelector("#next").textContent.includes("Elsewhere")`)
	b.picture("taken-back")
	if evaluate[bool](b, `document.querySelector("#next-text").textContent.includes("Nothing new is waiting")`) {
		t.Error("says that nothing waits to be sent")
	}
}

func TestWhatWasSentIsShown(t *testing.T) {
	b := start(t, newApplication(t).url)
	b.wait(`document.querySelector("#log button")`)
	b.run(click("#log button"))
	b.wait(`document.querySelector("#carried").open && document.querySelector("#carried-text").textContent.includes('"outcome": "accepted"')`)
}

func TestDarkAndPhone(t *testing.T) {
	b := start(t, newApplication(t).url)
	b.wait(shown)
	light := evaluate[string](b, `getComputedStyle(document.body).backgroundColor`)
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
	b.wait(fmt.Sprintf(`getComputedStyle(document.body).backgroundColor !== %q`, light))
	b.size(375, 812)
	b.wait(`innerWidth === 375`)
	b.wait(`document.querySelector("canvas")`)
	b.run(script(`document.querySelectorAll("summary").forEach((s) => s.click())`))
	if wide := evaluate[int](b, `document.documentElement.scrollWidth`); wide > 375 {
		t.Errorf("the page is %d pixels wide on a phone of 375", wide)
	}
	b.picture("phone")
	b.run(click("#theme"))
	b.wait(fmt.Sprintf(`getComputedStyle(document.body).backgroundColor === %q`, light))
}

func TestMirrorThatVanishesIsSaidAndComesBack(t *testing.T) {
	a := newApplication(t)
	b := start(t, a.url)
	b.expect("503") // the browser logs it
	b.wait(shown)
	must(t, os.Rename(a.mirror.Path(), a.mirror.Path()+".away"))
	b.wait(`!document.querySelector("#trouble").hidden && document.querySelector("#trouble").textContent.includes("gone")`)
	must(t, os.Rename(a.mirror.Path()+".away", a.mirror.Path()))
	b.wait(`document.querySelector("#trouble").hidden`)
}

func TestHiddenPageAsksNothing(t *testing.T) {
	b := start(t, newApplication(t).url)
	b.wait(shown)
	b.run(script(`
		window.asked = 0;
		const ask = fetch;
		window.fetch = (...a) => { window.asked++; return ask(...a); };
		Object.defineProperty(document, "hidden", { get: () => window.away, configurable: true });
		window.away = true;
		document.dispatchEvent(new Event("visibilitychange"));
		window.asked = 0;`))
	// Longer than the page's pause between two questions, as the page counts.
	b.wait(`new Promise((done) => setTimeout(() => done(true), 3000))`)
	if n := evaluate[int](b, `window.asked`); n > 0 {
		t.Errorf("a hidden page asked %d times", n)
	}
	b.run(script(`window.away = false; document.dispatchEvent(new Event("visibilitychange"))`))
	b.wait(`window.asked > 0`)
}
