package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"sync"
)

// files are the static files of the pages.
//
//go:embed static/*.css static/*.js static/*.svg
var files embed.FS

// assetPath returns the address of a static file. It contains a hash of the content, so that
// browsers may cache it without a limit.
func assetPath(name string) string {
	ext := path.Ext(name)
	return "/static/" + strings.TrimSuffix(name, ext) + "." + hashes()[name] + ext
}

// hashes returns a short hash of each static file, by name.
var hashes = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	entries, err := files.ReadDir("static")
	if err != nil {
		panic("web: " + err.Error()) // the files are part of the program
	}
	for _, e := range entries {
		content, _ := files.ReadFile("static/" + e.Name())
		sum := sha256.Sum256(content)
		all[e.Name()] = hex.EncodeToString(sum[:6])
	}
	return all
})

// asset answers GET /static/{name} with the static file that has the hash in the address. An
// old hash is answered with "not found": browsers may keep the answer for ever, so an old
// address must not return new content.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) error {
	parts := strings.Split(r.PathValue("name"), ".")
	if len(parts) != 3 || hashes()[parts[0]+"."+parts[2]] != parts[1] {
		return errNoPage
	}
	content, err := files.ReadFile("static/" + parts[0] + "." + parts[2])
	if err != nil {
		return errNoPage
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Vary", "Accept-Encoding")
	w.Header().Set("Content-Type", contentTypes[parts[2]])
	return write(w, r, http.StatusOK, bytes.Clone(content))
}

// contentTypes are the media types of the static files. The table of the operating system may lack
// them.
var contentTypes = map[string]string{
	"css": "text/css; charset=utf-8",
	"js":  "text/javascript; charset=utf-8",
	"svg": "image/svg+xml",
}
