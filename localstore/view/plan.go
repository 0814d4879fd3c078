package view

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"path"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/plan"
)

const (
	planName = "plan"
	planFile = "plan.html"
)

// WithPlan adds a page with everything that the application can record and send:
// give its standalone.Config or setup.Config, or its tracker, after everything was
// declared. It is also served without a mirror, and as plan.json. By default there is
// none.
func WithPlan(p otelusage.Planner) Option {
	return option(func(c config) config {
		if p != nil {
			c.plan = p
		}
		return c
	})
}

// early returns what is served also without a mirror.
func (h *Handler) early() map[string]route {
	if h.plan == nil {
		return nil
	}
	routes := map[string]route{planName: reading(h.servePlan), planName + ".json": reading(h.servePlanJSON)}
	files := assets()
	for _, name := range []string{"style.css", "cards.css", "icon.svg"} {
		routes[name] = reading(files[name].serve)
	}
	return routes
}

func (h *Handler) servePlan(w http.ResponseWriter, _ *http.Request) {
	page, err := h.renderPlan(plan.Describe(h.plan.Plan()))
	if err != nil {
		h.onError(err)
		refuse(w, http.StatusInternalServerError, "This page could not be set up. The application has the reason.")
		return
	}
	asset{"text/html; charset=utf-8", page}.serve(w, nil)
}

func (h *Handler) renderPlan(d plan.Document) ([]byte, error) {
	t, err := template.ParseFS(files, path.Join("page", planFile))
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err = t.Execute(&page, struct {
		Brand string
		plan.Document
	}{h.title, d})
	return page.Bytes(), err
}

func (h *Handler) servePlanJSON(w http.ResponseWriter, _ *http.Request) {
	content, err := json.MarshalIndent(h.plan.Plan(), "", "  ")
	if err != nil {
		h.onError(err)
		refuse(w, http.StatusInternalServerError, "The plan could not be written. The application has the reason.")
		return
	}
	asset{"application/json; charset=utf-8", append(content, '\n')}.serve(w, nil)
}
