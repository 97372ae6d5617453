package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/a-h/templ"

	"backupportal/function/admission"
	"backupportal/function/jsontext"
	"backupportal/templates"
)

// render renders a page into a buffer and then writes it, so that a failing template causes an error
// page, never half a page with status 200.
func render(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	var b bytes.Buffer
	if err := page.Render(r.Context(), &b); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(templates.Language(r.Context())))
	return write(w, r, status, b.Bytes())
}

// writeJSON writes v as JSON. The caller may set another Content-Type before.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, v any) error {
	text, err := jsontext.Marshal(v)
	if err != nil {
		return err
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	return write(w, r, status, append(text, '\n'))
}

// minCompressed is the size in bytes from which compression is worthwhile.
const minCompressed = 600

// write writes body, compressed if the client accepts gzip. It gives the request's slot back first,
// because a slow client may take long to read the answer.
func write(w http.ResponseWriter, r *http.Request, status int, body []byte) error {
	if len(body) >= minCompressed && acceptsGzip(r) {
		var b bytes.Buffer
		if err := compress(&b, body); err != nil {
			return err
		}
		w.Header().Set("Content-Encoding", "gzip")
		body = b.Bytes()
	}
	admission.FromContext(r.Context()).Leave()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails only if the client is gone
	return nil
}

// compressors are reused, because each allocates almost a megabyte of tables.
var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// compress writes body to to in gzip format.
func compress(to io.Writer, body []byte) error {
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(to)
	_, err := z.Write(body)
	return errors.Join(err, z.Close())
}

// acceptsGzip reports whether the client accepts gzip (RFC 9110, section 12.5.3). A weight of 0
// means no.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			weight = strings.TrimPrefix(strings.TrimSpace(weight), "q=")
			return strings.Trim(weight, "0.") != "" || weight == ""
		}
	}
	return false
}
