package web

import (
	"net/url"
	"path"
	"strings"
)

// localPath reports whether s leads to a page of this portal, whatever a
// browser makes of it: no host, no scheme, nothing that a parser of web
// addresses would take for either.
func localPath(s string) bool {
	if len(s) == 0 || len(s) > 512 || s[0] != '/' || !plainASCII(s) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" || u.Fragment != "" || !plainASCII(u.Path) {
		return false
	}
	return u.Path == "/" || !strings.Contains(u.Path, "//") && path.Clean(u.Path) == strings.TrimSuffix(u.Path, "/")
}

// plainASCII reports whether s has only visible ASCII characters, and no
// backslash, which browsers read as a slash.
func plainASCII(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c <= 0x20 || c >= 0x7f || c == '\\' }) < 0
}
