package policy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"backupportal/function/identity"
)

// Forms of what tokens of pipelines say.
var (
	claimShape    = newShape(`[a-z][a-z0-9_]{0,63}`, "the name of a claim, such as repository")
	audienceShape = newShape(`[!-~]{1,255}`, "the audience that the pipeline asks its token for")
)

// identifyingClaims lists claims that name a project. A pipeline must require at least one
// of them: a public issuer such as GitHub signs tokens for the pipelines of all its users.
var identifyingClaims = []string{"sub", "repository", "repository_id", "project_path", "project_id"}

// Pipelines returns the pipelines of the file. They must not be changed.
func (p *Policy) Pipelines() []identity.Pipeline { return p.pipelines }

// pipeline reads one pipeline. The issuer must use https, because the portal fetches the
// issuer's public keys: over plain http, an attacker in the network could replace them.
// "*" in a claim is refused, because claims are compared exactly.
func (l *loader) pipeline(p place) identity.Pipeline {
	m := l.mapping(p, []string{"name", "issuer", "audience", "claims"}, nil)
	one := identity.Pipeline{
		Name:     l.shaped(m["name"], nameShape),
		Issuer:   l.shaped(m["issuer"], issuerShape),
		Audience: l.shaped(m["audience"], audienceShape),
		Claims:   map[string]string{},
	}
	if !strings.HasPrefix(one.Issuer, "https://") && m["issuer"].node != nil {
		l.wrong(m["issuer"], "must begin with https://: otherwise an attacker on the network could impersonate every pipeline")
	}
	claims := m["claims"]
	if claims.node == nil {
		return one
	}
	if claims.node.Kind != yaml.MappingNode {
		l.wrong(claims, "write claims and their values here, such as {repository: shop/web, ref: refs/heads/main}")
		return one
	}
	for i := 0; i+1 < len(claims.node.Content); i += 2 {
		key, value := claims.node.Content[i], claims.node.Content[i+1]
		name := l.shaped(claims.at(key.Value, key), claimShape)
		text := l.text(claims.at(key.Value, value))
		if strings.Contains(text, "*") {
			l.wrong(claims.at(key.Value, value), "is compared exactly: write it without *")
		}
		one.Claims[name] = text
	}
	if !slices.ContainsFunc(identifyingClaims, func(name string) bool { return one.Claims[name] != "" }) && !l.refused[claims.node] {
		l.wrong(claims, "add one of %s: otherwise every pipeline of this issuer matches", strings.Join(identifyingClaims, ", "))
	}
	return one
}
