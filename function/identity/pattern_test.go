package identity_test

import (
	"testing"

	"backupportal/function/identity"
)

func TestMatchClaim(t *testing.T) {
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{
		{"shop/web", "shop/web", true},
		{"shop/web", "Shop/web", false},
		{"shop/web", "shop/web ", false},
		{"shop.web", "shopxweb", false},
		{"", "", false},
		{"", "x", false},

		// At the end behind a colon: the rest.
		{"repo:shop/web:*", "repo:shop/web:ref:refs/heads/main", true},
		{"repo:shop/web:*", "repo:shop/web:pull_request", true},
		{"repo:shop/web:*", "repo:shop/web:a\nb", true},
		{"repo:shop/web:*", "repo:shop/web:", false},
		{"repo:shop/web:*", "repo:shop/web", false},
		{"repo:shop/web:*", "repo:shop/web2:pull_request", false},
		{"repo:shop/web:*", "repo:shop/web-evil:ref:refs/heads/main", false},
		{"repo:shop/web:*", "xrepo:shop/web:pull_request", false},
		{"repo:shop/web:*", "REPO:shop/web:pull_request", false},
		{"organization:acme:pipeline:web:ref:refs/heads/main:commit:*:step:*",
			"organization:acme:pipeline:web:ref:refs/heads/main:commit:abc:step:deploy", true},
		{"organization:acme:pipeline:web:ref:refs/heads/main:commit:*:step:*",
			"organization:acme:pipeline:web:ref:refs/heads/main:commit:a:step:b:commit:c:step:d", true},

		// At the end behind a slash: the rest of the part.
		{"refs/heads/*", "refs/heads/main", true},
		{"refs/heads/*", "refs/heads/feature/x", true},
		{"refs/heads/*", "refs/heads/", false},
		{"refs/heads/*", "refs/tags/v1", false},
		{"repo:shop/*", "repo:shop/web", true},
		{"repo:shop/*", "repo:shop/web:pull_request", false},
		{"project_path:shop/*", "project_path:shop/web:ref_type:branch:ref:main", false},

		// Elsewhere: within one part.
		{"repo:shop/*:ref:refs/heads/main", "repo:shop/web:ref:refs/heads/main", true},
		{"repo:shop/*:ref:refs/heads/main", "repo:shop/web:environment:x:ref:refs/heads/main", false},
		{"repo:shop/*:ref:refs/heads/main", "repo:shop/a/b:ref:refs/heads/main", false},
		{"repo:shop/*:ref:refs/heads/main", "repo:shop/:ref:refs/heads/main", false},
		{"repo:*/web:pull_request", "repo:shop/web:pull_request", true},
		{"repo:*/web:pull_request", "repo:evil/x/web:pull_request", false},
		{"refs/tags/v*", "refs/tags/v1.2", true},
		{"refs/tags/v*", "refs/tags/v1/x", false},
		{"refs/tags/v*", "refs/tags/v1:x", false},
		{"refs/heads/release-*-final", "refs/heads/release-1-final", true},
		{"a.*", "axb", false},
	} {
		if got := identity.MatchClaim(c.pattern, c.value); got != c.want {
			t.Errorf("%q, %q: %v", c.pattern, c.value, got)
		}
	}
}
