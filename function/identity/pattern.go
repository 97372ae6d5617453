package identity

import (
	"regexp"
	"strings"
)

// MatchClaim reports whether the value of a claim matches pattern. Upper and lower case differ.
// Every character of pattern stands for itself, except "*", which stands for one or more
// characters:
//
//	where * is                 it matches                           it never matches
//	at the end, behind ":"     the rest of the value                –
//	at the end, behind "/"     the rest up to the end of the part   ":"
//	anywhere else              characters of one part               ":" and "/"
//
// So "repo:shop/web:*" matches "repo:shop/web:ref:refs/heads/main", and not "repo:shop/web2:…";
// "repo:shop/*" matches "repo:shop/web", and not "repo:shop/web:pull_request". A pattern
// without "*" is compared exactly. An empty pattern or value never matches.
func MatchClaim(pattern, value string) bool {
	if pattern == "" || value == "" {
		return false
	}
	if !strings.Contains(pattern, "*") {
		return pattern == value
	}
	rest := ""
	switch {
	case strings.HasSuffix(pattern, ":*"):
		rest = `.+`
	case strings.HasSuffix(pattern, "/*"):
		rest = `[^:]+`
	}
	if rest != "" {
		pattern = strings.TrimSuffix(pattern, "*")
	}
	literal := regexp.QuoteMeta(pattern)
	expression := strings.ReplaceAll(literal, `\*`, `[^:/]+`) + rest
	return regexp.MustCompile(`(?s)\A` + expression + `\z`).MatchString(value)
}
