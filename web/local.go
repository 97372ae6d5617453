package web

import (
	"net/url"
	"path"
	"strings"
)

// localPath reports whether s is the path of a page of this portal, with an optional query. It
// refuses everything that a browser could read as another host or scheme (open redirect).
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

// plainASCII reports whether s has only visible ASCII characters without the backslash, which
// browsers treat as a slash.
func plainASCII(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c <= 0x20 || c >= 0x7f || c == '\\' }) < 0
}
