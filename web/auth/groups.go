package auth

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"backupportal/function/identity"
)

// groupNames are the members that name a group in a list of objects, in the order of
// preference: name (Casdoor), displayName (Microsoft Graph), display_name, groupName (Alibaba
// Cloud IDaaS), display and value (SCIM, RFC 7643, section 4.1.2: value is the group's id, and
// display may be missing), groupExternalId and groupId (IDaaS).
var groupNames = []string{
	"name", "displayName", "display_name", "groupName", "display", "value", "groupExternalId", "groupId",
}

// groupsOf returns the groups in a claim's value that keep accepts, each once. It reads these
// forms:
//
//	value                          groups
//	["a", "b"]                     a and b
//	[{"name": "a"}]                a: the first of groupNames
//	[{"a": {"1": "x"}}]            a: the names of members that are all objects (ZITADEL's project roles)
//	{"a": {}, "b": true}           a and b: the names of members whose value is not false or null
//	{"name": "a"}                  a: as in a list
//	"a"                            a (AD FS and IdentityServer send a list of one so)
//	"a,b" or "[a, b]"              a and b, without the blanks around them (WSO2, Cognito with SAML)
//	"[\"a\", \"b\"]"               the list that the text contains
//
// A text is first taken as one group, and is split only if keep does not accept it. It is never
// split at spaces, because names of groups contain spaces: "Domain Admins" must not count as
// "Admins". Every other value in the claim is ignored.
func groupsOf(value any, keep func(group string) bool) (groups []string, result identity.GroupResult) {
	names, readable := namesIn(value, keep)
	for _, name := range names {
		if keep(name) && !slices.Contains(groups, name) {
			groups = append(groups, name)
		}
	}
	switch {
	case groups != nil:
		return groups, identity.GroupsFound
	case names != nil:
		return nil, identity.GroupsUnnamed
	case readable:
		return nil, identity.GroupsEmpty
	}
	return nil, identity.GroupsUnreadable
}

// namesIn returns the names of groups in the value of a claim. It returns false if the value
// does not have one of the known forms.
func namesIn(value any, keep func(group string) bool) (names []string, readable bool) {
	switch v := value.(type) {
	case nil:
		return nil, true
	case string:
		return namesInText(v, keep), true
	case []any:
		for _, item := range v {
			if name := nameOf(item); name != "" {
				names = append(names, name)
				continue
			}
			names = append(names, rolesOf(item)...)
		}
		return names, names != nil || len(v) == 0
	case map[string]any:
		if name := nameOf(v); name != "" {
			return []string{name}, true
		}
		for name, member := range v {
			if name != "" && member != nil && member != false {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names, true
	}
	return nil, false
}

// nameOf returns the name of one group in a list: a text, or an object with a name. It returns
// the empty string for anything else.
func nameOf(item any) string {
	if name, ok := item.(string); ok {
		return name
	}
	object, _ := item.(map[string]any)
	return firstText(object, groupNames...)
}

// rolesOf returns the member names, sorted, of an object whose members are all objects. It returns
// nil if item is something else, or if a name is empty. ZITADEL sends the roles of a project in this
// form: a member's name is the role, its value has the organizations that grant it.
func rolesOf(item any) []string {
	object, _ := item.(map[string]any)
	for name, member := range object {
		if _, ok := member.(map[string]any); !ok || name == "" {
			return nil
		}
	}
	return slices.Sorted(maps.Keys(object))
}

// namesInText returns the names of groups in a claim that is one text.
func namesInText(text string, keep func(group string) bool) (names []string) {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if keep(text) {
		return []string{text}
	}
	if inner, ok := strings.CutPrefix(strings.TrimSpace(text), "["); ok && strings.HasSuffix(inner, "]") {
		var list []any
		if json.Unmarshal([]byte(text), &list) == nil {
			names, _ = namesIn(list, keep)
			return names
		}
		text = strings.TrimSuffix(inner, "]")
	}
	for part := range strings.SplitSeq(text, ",") {
		if name := strings.TrimSpace(part); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// leftOut reports whether the provider did not put the claim into the token because it would be
// too large. Providers say so with a distributed claim (OpenID Connect Core 1.0, section
// 5.6.2), which Microsoft Entra uses for more than 200 groups, or with Entra's own claim
// hasgroups.
func leftOut(claims map[string]any, claim string) bool {
	elsewhere, _ := claims["_claim_names"].(map[string]any)
	first, _, _ := strings.Cut(claim, ".")
	_, whole := elsewhere[claim]
	_, part := elsewhere[first]
	has := claims["hasgroups"] == true || claims["hasgroups"] == "true"
	return whole || part || has && claim == "groups"
}

// firstText returns the first of the claims with these names that is a text and not blank. It
// returns "" if none exists.
func firstText(claims map[string]any, names ...string) string {
	for _, name := range names {
		if text, ok := claims[name].(string); ok && strings.TrimSpace(text) != "" {
			return text
		}
	}
	return ""
}
