package policy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"backupportal/function/identity"
)

// Forms of claims and audiences of pipelines. A claim's name may be a URL.
var (
	claimShape    = shape{`[!-~]{1,255}`, "the exact name of a claim, such as repository"}
	audienceShape = shape{`[!-~]{1,255}`, "the audience that the pipeline asks its token for"}
)

// identifyingClaims lists claims of tokens that identify a project. They are used for a
// pipeline without the key identified_by. A pipeline must require an identifying claim with an
// exact value, because a public issuer such as GitHub signs tokens for all its users.
var identifyingClaims = []string{"sub", "repository", "repository_id", "project_path", "project_id"}

// sharedClaims lists claims that can never identify a project, because they do not depend on it
// (RFC 7519, section 4.1).
var sharedClaims = []string{"iss", "aud", "exp", "nbf", "iat", "jti"}

// Pipelines returns the pipelines of the file. They must not be changed.
func (p *Policy) Pipelines() []identity.Pipeline { return p.pipelines }

// pipeline reads one pipeline. The issuer must use https, because the portal fetches the
// issuer's public keys: over plain http, an attacker in the network could replace them.
func (l *loader) pipeline(p place) identity.Pipeline {
	m := l.mapping(p, []string{"name", "issuer", "audience", "claims"}, []string{"identified_by"})
	one := identity.Pipeline{
		Name:     l.shaped(m["name"], nameShape),
		Issuer:   l.shaped(m["issuer"], issuerShape),
		Audience: l.shaped(m["audience"], audienceShape),
		Claims:   l.claims(m["claims"]),
	}
	if !strings.HasPrefix(one.Issuer, "https://") && m["issuer"].node != nil {
		l.wrong(m["issuer"], "must begin with https://: otherwise an attacker on the network could impersonate every pipeline")
	}
	if m["claims"].node == nil || l.refused[m["claims"].node] {
		return one
	}
	if m["identified_by"].node != nil {
		list(l, m["identified_by"], func(p place) string { return l.identifying(p, one.Claims) })
		return one
	}
	exact := func(name string) bool { return one.Claims[name] != "" && !strings.Contains(one.Claims[name], "*") }
	if !slices.ContainsFunc(identifyingClaims, exact) {
		l.wrong(m["claims"], "add one of %s with a value without *, "+
			"or name the claims that identify the project in identified_by: otherwise every pipeline of this issuer may match", strings.Join(identifyingClaims, ", "))
	}
	return one
}

// claims reads the required claims of a pipeline, each with its value or pattern. Names and
// values must be texts. It returns nil if the file does not have the key.
func (l *loader) claims(p place) map[string]string {
	if p.node == nil {
		return nil
	}
	if p.node.Kind != yaml.MappingNode {
		l.wrong(p, "write claims and their values here, such as {repository: shop/web, ref: refs/heads/main}")
		return nil
	}
	claims := map[string]string{}
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		key, value := p.node.Content[i], p.node.Content[i+1]
		name := l.shaped(p.at(key.Value, key), claimShape)
		claims[name] = l.pattern(p.at(key.Value, value))
	}
	return claims
}

// pattern reads the value of a claim, in which "*" stands for a part: see
// [identity.MatchClaim].
func (l *loader) pattern(p place) string {
	text := l.text(p)
	switch {
	case strings.Contains(text, "**"):
		l.wrong(p, "write a single *: at the end behind : it matches the rest, elsewhere one part")
	case strings.Contains(text, "*") && strings.Trim(text, "*:/") == "":
		l.wrong(p, "would match every value: write the fixed part before the *, such as repo:shop/web:*")
	}
	return text
}

// identifying reads the name of a claim that identifies the project. The claim must be one
// of claims, with an exact value.
func (l *loader) identifying(p place, claims map[string]string) string {
	name := l.shaped(p, claimShape)
	switch {
	case slices.Contains(sharedClaims, name):
		l.wrong(p, "%s does not identify a project: name a claim that only this project has", name)
	case claims[name] == "":
		l.wrong(p, "add %s to claims, with the value that only this project has", name)
	case strings.Contains(claims[name], "*"):
		l.wrong(p, "write the value of %s without *: a claim that identifies the project must be exact", name)
	}
	return name
}
