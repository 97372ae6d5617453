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

	"backupportal/function/jsontext"
	"backupportal/templates"
)

// render draws a page into a buffer first, so that a failing template is a
// clean error and not half a page with status 200.
func render(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	var b bytes.Buffer
	if err := page.Render(r.Context(), &b); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(templates.Language(r.Context())))
	return write(w, r, status, b.Bytes())
}

// writeJSON answers with v as JSON; the Content-Type may be set before.
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

// leastCompressed is the size in bytes from which compressing pays.
const leastCompressed = 600

// write sends body, compressed if the reader takes that.
func write(w http.ResponseWriter, r *http.Request, status int, body []byte) error {
	if len(body) >= leastCompressed && acceptsGzip(r) {
		var b bytes.Buffer
		if err := compress(&b, body); err != nil {
			return err
		}
		w.Header().Set("Content-Encoding", "gzip")
		body = b.Bytes()
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a reader that has gone is no fault of ours
	return nil
}

// compressors are used again: each has tables of most of a megabyte.
var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func compress(to io.Writer, body []byte) error {
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(to)
	_, err := z.Write(body)
	return errors.Join(err, z.Close())
}

// acceptsGzip reports whether the reader takes gzip (RFC 9110, 12.5.3).
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
