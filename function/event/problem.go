package event

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// writeProblem writes an error response for a request that the web handler could not answer: it
// could not be read (400), or the handler failed (500). Programs get a problem object (RFC
// 9457), browsers a page in English and Chinese.
func writeProblem(ctx context.Context, w http.ResponseWriter, status int, asJSON bool) {
	english, chinese := "The request could not be read.", "无法读取该请求。"
	if status >= 500 {
		english = "The server could not answer. If you sent something, check whether it took effect before you send it again."
		chinese = "服务器无法给出响应。如果您提交了内容，请先确认是否已生效，再重新提交。"
	}
	inv, _ := FromContext(ctx)
	title := http.StatusText(status)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if asJSON {
		h.Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(problem{"about:blank", title, status, english, inv.RequestID})
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	title = strconv.Itoa(status) + " " + title
	reference := ""
	if inv.RequestID != "" {
		reference = "<p>Request ID: <code>" + html.EscapeString(inv.RequestID) + "</code></p>\n"
	}
	io.WriteString(w, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"+
		"<meta name=\"color-scheme\" content=\"light dark\">\n"+
		"<title>Error: "+title+"</title>\n<main>\n<h1>"+title+"</h1>\n<p>"+english+"</p>\n"+
		"<p lang=\"zh-Hans\">"+chinese+"</p>\n"+reference+"</main>\n</html>\n")
}

// A problem is a problem object of RFC 9457.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	RequestID string `json:"RequestId,omitempty"`
}

// wantsJSON reports whether a program and not a browser sent the request, judged by its path,
// Accept and Content-Type. A browser that opens a page always accepts text/html.
func wantsJSON(path string, h http.Header) bool {
	accept := h.Get("Accept")
	return strings.HasPrefix(path, "/api/") ||
		!strings.Contains(accept, "text/html") &&
			(strings.Contains(accept, "json") || strings.Contains(h.Get("Content-Type"), "json"))
}
