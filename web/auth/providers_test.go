package auth

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/function/identity"
)

// A providerShape has the claims that one OpenID provider sends: its names and forms of claims,
// with invented values, without iss, aud, sub, nonce and times. The comment before each shape
// names the document from which it comes. "Undocumented" means that no public document of the
// provider shows this form.
type providerShape struct {
	provider string
	claim    string // OIDC_GROUPS_CLAIM
	token    string // claims of the ID token
	userinfo string // claims of the userinfo endpoint; empty means that it has none

	name   string   // name of the person
	email  string   // verified
	groups []string // all that the policy names
	result identity.GroupResult

	// The results if a gateway sends the token, because it has no userinfo endpoint: these, and no groups. If
	// gatewayName is empty, they are name, email, groups and result.
	gatewayName, gatewayEmail string
	gatewayResult             identity.GroupResult
}

// named lists the groups that the policy names. Only these are kept in a session.
var named = []string{"payments-oncall", "/payments-oncall", "shop/payments", "Domain Admins", "02bd9fd6-8f93-4758-87c3-1fb73740a315"}

var providerShapes = []providerShape{
	{
		// No document shows a whole ID token of Keycloak (Server Administration Guide). The
		// form of realm_access and resource_access is that of the class
		// org.keycloak.representations.AccessToken.
		provider: "Keycloak, realm roles", claim: "realm_access.roles",
		token: `{"typ":"ID","azp":"portal","session_state":"d6b9","acr":"1","email_verified":true,"name":"Jane Doe","preferred_username":"jane",
			"given_name":"Jane","family_name":"Doe","email":"jane@example.com",
			"realm_access":{"roles":["offline_access","payments-oncall","uma_authorization"]},
			"resource_access":{"account":{"roles":["manage-account"]}}}`,
		name: "Jane Doe", email: "jane@example.com", groups: []string{"payments-oncall"},
	}, {
		// Undocumented as a whole, like the roles of a realm.
		provider: "Keycloak, roles of a client with dots", claim: "resource_access.backup.example.com.roles",
		token: `{"email_verified":true,"preferred_username":"jane","email":"jane@example.com",
			"resource_access":{"backup.example.com":{"roles":["payments-oncall"]},"account":{"roles":["manage-account"]}}}`,
		name: "jane", email: "jane@example.com", groups: []string{"payments-oncall"},
	}, {
		// Undocumented as a whole. The mapper "Group Membership" has the switch "Full group path".
		provider: "Keycloak, full group paths", claim: "groups",
		token:  `{"email_verified":false,"name":"Jane Doe","email":"jane@example.com","groups":["/payments-oncall","/payments-oncall/lead"]}`,
		name:   "Jane Doe",
		groups: []string{"/payments-oncall"},
	}, {
		// "Access token claims reference",
		// https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
		provider: "Microsoft Entra ID", claim: "groups",
		token: `{"ver":"2.0","name":"Jane Doe","preferred_username":"jane@example.com","oid":"00000000-0000-0000-66f3-3332eca7ea81",
			"tid":"9122040d-6c67-4c5b-b112-36a304b66dad","groups":["02bd9fd6-8f93-4758-87c3-1fb73740a315","c5038c6f-c5ac-44d5-93f5-04ec697d62dc"]}`,
		name: "Jane Doe", groups: []string{"02bd9fd6-8f93-4758-87c3-1fb73740a315"},
	}, {
		// The same document, "Groups overage claim": the endpoint is one of Azure AD Graph.
		provider: "Microsoft Entra ID, overage", claim: "groups",
		token: `{"ver":"2.0","name":"Jane Doe","_claim_names":{"groups":"src1"},
			"_claim_sources":{"src1":{"endpoint":"https://graph.windows.net/9122040d/users/00000000/getMemberObjects"}}}`,
		userinfo: `{"name":"Jane Doe","family_name":"Doe","given_name":"Jane","picture":"https://graph.microsoft.com/v1.0/me/photo/$value"}`,
		name:     "Jane Doe", result: identity.GroupsOverage,
	}, {
		// The same document: hasgroups "is used in place of the groups claim" in the implicit
		// flow; unique_name has only version 1.0.
		provider: "Microsoft Entra ID, implicit overage", claim: "groups",
		token: `{"ver":"1.0","unique_name":"jane@example.com","name":"Jane Doe","hasgroups":true}`,
		name:  "Jane Doe", result: identity.GroupsOverage,
	}, {
		// "Customize tokens returned from Okta with a groups claim",
		// https://developer.okta.com/docs/guides/customize-tokens-groups-claim/add-groups-claim-custom-as/.
		// The other claims are those of the sample in Okta's guide to custom authorization
		// servers.
		provider: "Okta", claim: "groups",
		token: `{"ver":1,"jti":"ID.4eAWJOCMB3SX8XewDfVR","amr":["pwd"],"idp":"00ok1u7AsAkrwdZL3z0g3","name":"Jane Doe",
			"preferred_username":"jane@example.com","email":"jane@example.com","email_verified":true,"groups":["Everyone","payments-oncall"]}`,
		name: "Jane Doe", email: "jane@example.com", groups: []string{"payments-oncall"},
	}, {
		// "ID Token Structure", https://auth0.com/docs/tokens/id-tokens/id-token-structure, and
		// "Create Custom Claims",
		// https://auth0.com/docs/secure/tokens/json-web-tokens/create-custom-claims
		provider: "Auth0", claim: "https://backup.example.com/roles",
		token: `{"nickname":"jane","name":"jane@example.com","picture":"https://s.gravatar.com/a.png","updated_at":"2026-11-28T08:00:00.000Z",
			"email":"jane@example.com","email_verified":true,"https://backup.example.com/roles":["payments-oncall"]}`,
		name: "jane@example.com", email: "jane@example.com", groups: []string{"payments-oncall"},
	}, {
		// "Understanding the identity (ID) token",
		// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html.
		provider: "Amazon Cognito", claim: "cognito:groups",
		token: `{"cognito:groups":["payments-oncall"],"email_verified":true,"cognito:username":"jane","origin_jti":"5b9f50a3",
			"cognito:roles":["arn:aws:iam::111122223333:role/r"],"token_use":"id","email":"Jane@Example.com"}`,
		name: "Jane@Example.com", email: "jane@example.com", groups: []string{"payments-oncall"},
	}, {
		// Undocumented: email_verified as a text.
		provider: "Amazon Cognito, verified as a text", claim: "cognito:groups",
		token: `{"cognito:groups":["payments-oncall"],"email_verified":"true","cognito:username":"jane","origin_jti":"5b9f50a3",
			"cognito:roles":["arn:aws:iam::111122223333:role/r"],"token_use":"id","email":"Jane@Example.com"}`,
		name: "Jane@Example.com", email: "jane@example.com", groups: []string{"payments-oncall"},
	}, {
		// Undocumented. "Mapping IdP attributes to profiles and tokens" describes the mapping
		// without this form,
		// https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-specifying-attribute-mapping.html
		provider: "Amazon Cognito, a SAML attribute", claim: "custom:groups",
		token: `{"custom:groups":"[everyone, payments-oncall]","token_use":"id","cognito:username":"jane"}`,
		name:  "alice", groups: []string{"payments-oncall"},
	}, {
		// Undocumented in an ID token. RFC 9068, section 2.2.3.1, encodes the claims groups and
		// roles of an access token as RFC 7643, section 4.1.2, describes them: value is the id,
		// and display is optional.
		provider: "SCIM, groups with only a value", claim: "groups",
		token: `{"name":"Jane Doe","groups":[{"value":"02bd9fd6-8f93-4758-87c3-1fb73740a315","$ref":"https://id.example/Groups/02bd9fd6"},
			{"value":"e9e30dba-f08f-4109-8486-d5c6a331660a","display":"payments-oncall"}]}`,
		name: "Jane Doe", groups: []string{"02bd9fd6-8f93-4758-87c3-1fb73740a315", "payments-oncall"},
	}, {
		// "Claims in ZITADEL", as below: the table of reserved claims shows the roles as a list
		// of objects. It is undocumented that a role has a text in place of an object: it is no
		// role.
		provider: "ZITADEL, list of roles", claim: "urn:zitadel:iam:org:project:69234237810729234:roles",
		token: `{"name":"Jane Doe","urn:zitadel:iam:org:project:69234237810729234:roles":[
			{"auditor":{"170086824411201793":"shop.zitadel.cloud"}},{"payments-oncall":{"170086824411201793":"shop.zitadel.cloud"}},
			{"shop/payments":"170086824411201793"}]}`,
		name: "Jane Doe", groups: []string{"payments-oncall"},
	}, {
		// "Claims in ZITADEL", https://zitadel.com/docs/apis/openidoauth/claims, and "Retrieve
		// User Roles in ZITADEL", https://zitadel.com/docs/guides/integrate/retrieve-user-roles
		provider: "ZITADEL", claim: "urn:zitadel:iam:org:project:roles",
		token: `{"amr":["password"],"email":"jane@example.com","email_verified":true,"preferred_username":"jane",
			"urn:zitadel:iam:org:project:roles":{"payments-oncall":{"170086824411201793":"shop.zitadel.cloud"},"auditor":{"170086824411201793":"shop.zitadel.cloud"}}}`,
		name: "jane", email: "jane@example.com", groups: []string{"payments-oncall"},
	}, {
		// "OpenID Connect 1.0 Claims",
		// https://www.authelia.com/integration/openid-connect/openid-connect-1.0-claims/: the
		// ID token has no claims of the scopes, and rat is in userinfo.
		provider: "Authelia, claims only in userinfo", claim: "groups",
		token:    `{"jti":"9d7e3a0c-6f3c-4c56-8f52-0c6e4c2f6f0a","amr":["pwd"],"azp":"portal"}`,
		userinfo: `{"name":"Jane Doe","preferred_username":"jane","email":"jane@example.com","alt_emails":[],"email_verified":true,"groups":["payments-oncall","dev"],"rat":1764320400}`,
		name:     "Jane Doe", email: "jane@example.com", groups: []string{"payments-oncall"},
		gatewayName: "alice", gatewayResult: identity.GroupsMissing,
	}, {
		// "GitLab as OpenID Connect identity provider",
		// https://docs.gitlab.com/integration/openid_connect_provider: the ID token has
		// groups_direct, userinfo has groups.
		provider: "GitLab, groups only in userinfo", claim: "groups",
		token:    `{"auth_time":1764320000,"name":"Jane Doe","preferred_username":"jane","nickname":"jane","groups_direct":["shop"]}`,
		userinfo: `{"name":"Jane Doe","preferred_username":"jane","email":"jane@example.com","email_verified":true,"profile":"https://gitlab.com/jane","groups":["shop","shop/payments"],"https://gitlab.org/claims/groups/owner":["shop"]}`,
		name:     "Jane Doe", email: "jane@example.com", groups: []string{"shop/payments"},
		gatewayName: "Jane Doe", gatewayResult: identity.GroupsMissing,
	}, {
		// "Customize claims to be emitted in id_token when using OpenID Connect or OAuth with
		// AD FS 2016 or later",
		// https://learn.microsoft.com/windows-server/identity/ad-fs/development/custom-id-tokens-in-ad-fs,
		// and "ID Token" of [MS-OIDCE] (upn and unique_name),
		// https://learn.microsoft.com/openspecs/windows_protocols/ms-oidce/55c0a84d-48e7-4043-91f8-9ebd0a51ab68.
		// It is undocumented that one value is a text.
		provider: "AD FS, one group", claim: "group",
		token: `{"upn":"jane@example.com","unique_name":"EXAMPLE\\jane","group":"Domain Admins"}`,
		name:  "alice", groups: []string{"Domain Admins"},
	}, {
		// The same documents. It is undocumented that several values are a list.
		provider: "AD FS, several groups", claim: "group",
		token: `{"upn":"jane@example.com","unique_name":"EXAMPLE\\jane","group":["Domain Users","Domain Admins"]}`,
		name:  "alice", groups: []string{"Domain Admins"},
	}, {
		// "Overview" of tokens, https://casdoor.org/docs/token/overview: the token has all
		// fields of the user. The form of roles is that of the type User; no document shows a
		// token.
		provider: "Casdoor", claim: "roles",
		token: `{"owner":"shop","name":"jane","displayName":"Jane Doe","email":"jane@example.com","emailVerified":true,
			"groups":["shop/dev"],"roles":[{"owner":"shop","name":"payments-oncall","displayName":"On call","isEnabled":true},{"owner":"shop","name":"dev"}]}`,
		name: "jane", groups: []string{"payments-oncall"},
	}, {
		// "What Has Changed", "Groups Claim",
		// https://is.docs.wso2.com/en/latest/deploy/migrate/what-has-changed/: before 6.0.0
		// userinfo has a text with commas.
		provider: "WSO2 Identity Server, userinfo before 6.0.0", claim: "groups",
		token:    `{"amr":["BasicAuthenticator"],"preferred_username":"jane"}`,
		userinfo: `{"groups":"Internal/everyone,payments-oncall"}`,
		name:     "jane", groups: []string{"payments-oncall"},
		gatewayName: "jane", gatewayResult: identity.GroupsMissing,
	}, {
		// The same document: the ID token has a list.
		provider: "WSO2 Identity Server, ID token", claim: "groups",
		token: `{"amr":["BasicAuthenticator"],"groups":["Internal/everyone","payments-oncall"],"preferred_username":"jane"}`,
		name:  "jane", groups: []string{"payments-oncall"},
	}, {
		// "Application token",
		// https://developers.cloudflare.com/cloudflare-one/identity/authorization-cookie/application-token
		provider: "Cloudflare Access", claim: "custom.groups",
		token: `{"email":"jane@example.com","type":"app","identity_nonce":"6ei69kawdKzMIAPF","country":"US","custom":{"groups":["payments-oncall"]}}`,
		name:  "jane@example.com", groups: []string{"payments-oncall"},
	}, {
		// The default scope mappings in blueprints/system/providers-oauth2.yaml of
		// goauthentik/authentik. They set email_verified; acr is undocumented.
		provider: "authentik", claim: "groups",
		token: `{"acr":"goauthentik.io/providers/oauth2/default","email":"jane@example.com","email_verified":true,"name":"Jane Doe",
			"given_name":"Jane Doe","preferred_username":"jane","nickname":"jane","groups":["authentik Admins","payments-oncall"]}`,
		name: "Jane Doe", email: "jane@example.com", groups: []string{"payments-oncall"},
	}, {
		// "Google OpenID Connect API Reference",
		// https://developers.google.com/identity/openid-connect/reference
		provider: "Google, without groups", claim: "groups",
		token: `{"azp":"portal","hd":"example.com","email":"jane@example.com","email_verified":true,"at_hash":"HK6E","name":"Jane Doe","picture":"https://lh3.googleusercontent.com/a"}`,
		name:  "Jane Doe", email: "jane@example.com", result: identity.GroupsMissing,
	}, {
		// "A federated OpenID Connect provider", "ID Tokens", the README of github.com/dexidp/dex
		provider: "Dex", claim: "groups",
		token: `{"at_hash":"bi96gOXZShvlWYtal9Eqiw","email":"jane@example.com","email_verified":true,
			"groups":["admins","payments-oncall"],"name":"Jane Doe"}`,
		name: "Jane Doe", email: "jane@example.com", groups: []string{"payments-oncall"},
	}, {
		// "Custom Claim Maps",
		// https://kanidm.github.io/kanidm/stable/integrations/oauth2/custom_claims.html: csv is
		// one of the ways to join the values of a claim.
		provider: "Kanidm, csv", claim: "portal_role",
		token: `{"preferred_username":"jane@idm.example.com","name":"Jane Doe","scopes":["openid","profile"],"portal_role":"viewer,payments-oncall"}`,
		name:  "Jane Doe", groups: []string{"payments-oncall"},
	}, {
		// Undocumented by Keycloak, which describes the groups without a token:
		// https://www.keycloak.org/2026/04/org-groups. The form is that of the mapper in
		// docs/org_aware_group_mapper.md of github.com/sventorben/kommons.
		provider: "Keycloak, groups of an organization", claim: "organization.shop.example.groups",
		token: `{"preferred_username":"jane","organization":{"shop.example":{"id":"75bc86cb","groups":["/Engineering","/payments-oncall"]}}}`,
		name:  "jane", groups: []string{"/payments-oncall"},
	}, {
		// "Rules for the values of extended OIDC id_token fields",
		// https://www.alibabacloud.com/help/en/idaas/eiam/user-guide/rules-for-oidc-id-token-extended-fields:
		// ArrayMap(user.groups, __item.groupExternalId) is a list of texts.
		provider: "Alibaba Cloud IDaaS, external ids of groups", claim: "groups",
		token: `{"name":"Jane Doe","groups":["02bd9fd6-8f93-4758-87c3-1fb73740a315","group_d6sbsuumeta4h66ec3il7yxxxx"]}`,
		name:  "Jane Doe", groups: []string{"02bd9fd6-8f93-4758-87c3-1fb73740a315"},
	}, {
		// The same document: user.groups is a list of objects with groupId and groupExternalId.
		// groupName is that of the operation ListGroups; no document shows a token.
		provider: "Alibaba Cloud IDaaS, groups as objects", claim: "groups",
		token: `{"name":"Jane Doe","groups":[{"groupId":"group_d6sbsuumeta4h66ec3il7yxxxx","groupName":"payments-oncall"},
			{"groupId":"group_e6","groupExternalId":"02bd9fd6-8f93-4758-87c3-1fb73740a315"}]}`,
		name: "Jane Doe", groups: []string{"payments-oncall", "02bd9fd6-8f93-4758-87c3-1fb73740a315"},
	}, {
		// "Session Overview", "Descope Session JWT Structure",
		// https://docs.descope.com/session-overview
		provider: "Descope", claim: "tenants",
		token: `{"amr":["email"],"drn":"DS","dct":"payments-oncall","name":"Jane Doe","tenants":{"payments-oncall":{"permissions":[],"roles":["Tenant Admin"]}}}`,
		name:  "Jane Doe", groups: []string{"payments-oncall"},
	},
}

// claimsFrom replaces the claims of a token that are about a person with those in text.
func claimsFrom(t *testing.T, text string) func(map[string]any) {
	return func(claims map[string]any) {
		clearPerson(claims)
		var own map[string]any
		if err := json.Unmarshal([]byte(text), &own); err != nil {
			t.Error(err)
		}
		maps.Copy(claims, own)
	}
}

// answers returns a userinfo endpoint that sends the claims in text for the person alice.
func answers(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, strings.Replace(text, "{", `{"sub":"alice",`, 1))
	}
}

func keepNamed(_, group string) bool { return slices.Contains(named, group) }

// signInTo signs in through the provider of r and returns the person of the new session.
func signInTo(t *testing.T, r *signInFixture) (identity.Principal, error) {
	t.Helper()
	c, _, back := r.begin(t)
	w, _, err := r.back(back.Encode(), c)
	if err != nil {
		return identity.Principal{}, err
	}
	return r.Sessions.Authenticate(withCookies(onlyCookie(t, w)))
}

func TestProvidersThroughOIDC(t *testing.T) {
	for _, c := range providerShapes {
		t.Run(c.provider, func(t *testing.T) {
			r := newSignIn(t)
			r.GroupsClaim, r.Keep, r.issuer.change = c.claim, keepNamed, claimsFrom(t, c.token)
			if c.userinfo != "" {
				r.issuer.userinfo = answers(c.userinfo)
			}
			p, err := signInTo(t, r)
			if err != nil || p.Name != c.name || p.Email != c.email || !slices.Equal(p.Groups, c.groups) ||
				p.Lookup != (identity.GroupLookup{Claim: c.claim, Result: c.result}) {
				t.Errorf("%+v, %v", p, err)
			}
			if n := r.issuer.asked.Load(); n > 1 || c.userinfo != "" && n != 1 {
				t.Errorf("userinfo was asked %d times", n)
			}
		})
	}
}

func TestProvidersThroughGateway(t *testing.T) {
	for _, c := range providerShapes {
		t.Run(c.provider, func(t *testing.T) {
			if c.gatewayName != "" {
				c.name, c.email, c.groups, c.result = c.gatewayName, c.gatewayEmail, nil, c.gatewayResult
			}
			issuer := newIssuer(t, newClock())
			issuer.sign = signedBy(jose.ES256, issuerEC(), "ec")
			a := gateway(issuer)
			a.GroupsClaim, a.Keep = c.claim, keepNamed
			p, err := authenticatorOf(t, a)(withAssertion(issuer.with(claimsFrom(t, c.token))))
			if err != nil || p.Name != c.name || p.Email != c.email || !slices.Equal(p.Groups, c.groups) ||
				p.Lookup != (identity.GroupLookup{Claim: c.claim, Result: c.result}) {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

func TestFormsOfGroups(t *testing.T) {
	for text, want := range map[string]struct {
		groups []string
		result identity.GroupResult
	}{
		`["b","a","b"]`:          {[]string{"b", "a"}, identity.GroupsFound},
		`"a"`:                    {[]string{"a"}, identity.GroupsFound},
		`"Domain Admins"`:        {[]string{"Domain Admins"}, identity.GroupsFound},
		`"not Admins"`:           {nil, identity.GroupsUnnamed}, // not split at the space
		`"a b"`:                  {nil, identity.GroupsUnnamed},
		`"x, a,b ,"`:             {[]string{"a", "b"}, identity.GroupsFound},
		`"one, two"`:             {[]string{"one, two"}, identity.GroupsFound}, // the policy names it as a whole
		`"[a, b]"`:               {[]string{"a", "b"}, identity.GroupsFound},
		`"[\"a\",\"one, two\"]"`: {[]string{"a", "one, two"}, identity.GroupsFound},
		`[{"id":"7","name":"a"},{"displayName":"b"}]`: {[]string{"a", "b"}, identity.GroupsFound},
		`[{"value":"7","display":"a"},{"id":"b"}]`:    {[]string{"a"}, identity.GroupsFound},
		`[{"gid":"1","display_name":"b"}]`:            {[]string{"b"}, identity.GroupsFound},
		`{"name":"a","id":"b"}`:                       {[]string{"a"}, identity.GroupsFound},
		`{"a":{},"b":true,"Admins":false}`:            {[]string{"a", "b"}, identity.GroupsFound},
		`{"a":null,"b":["x"]}`:                        {[]string{"b"}, identity.GroupsFound},
		`["A"," a"]`:                                  {nil, identity.GroupsUnnamed},
		`[7,"x"]`:                                     {nil, identity.GroupsUnnamed},
		`[]`:                                          {nil, identity.GroupsEmpty},
		`{}`:                                          {nil, identity.GroupsEmpty},
		`""`:                                          {nil, identity.GroupsEmpty},
		`" "`:                                         {nil, identity.GroupsEmpty},
		`null`:                                        {nil, identity.GroupsEmpty},
		`7`:                                           {nil, identity.GroupsUnreadable},
		`true`:                                        {nil, identity.GroupsUnreadable},
		`[7,[["a"]]]`:                                 {nil, identity.GroupsUnreadable},
		`[{"id":"a"}]`:                                {nil, identity.GroupsUnreadable},
	} {
		claims, err := decodeClaims([]byte(`{"groups":` + text + `}`))
		if err != nil {
			t.Fatal(err)
		}
		groups, result := groupsOf(claims["groups"], func(group string) bool {
			return slices.Contains([]string{"a", "b", "Admins", "Domain Admins", "one, two"}, group)
		})
		if !slices.Equal(groups, want.groups) || result != want.result {
			t.Errorf("%s: %q, %q", text, groups, result)
		}
	}
}

// TestUserinfoCompletesToken proves that claims of the userinfo endpoint are added only if the
// token lacks them, and only if the answer is about the same person.
func TestUserinfoCompletesToken(t *testing.T) {
	const full = `{"name":"Jane","email":"jane@example.com","email_verified":true,"groups":["payments-oncall"]}`
	for name, c := range map[string]struct {
		token    string
		userinfo http.HandlerFunc
		want     identity.Principal
		asked    int32
	}{
		"nothing lacks": {`{"name":"A","email":"a@example.com","email_verified":true,"groups":[]}`, answers(full),
			identity.Principal{Name: "A", Email: "a@example.com", Lookup: identity.GroupLookup{Result: identity.GroupsEmpty}}, 0},
		"groups lack": {`{"name":"A","email":"a@example.com","email_verified":true}`, answers(full),
			identity.Principal{Name: "A", Email: "a@example.com", Groups: []string{"payments-oncall"}}, 1},
		"the token's groups win": {`{"groups":["Domain Admins"]}`, answers(full),
			identity.Principal{Name: "Jane", Email: "jane@example.com", Groups: []string{"Domain Admins"}}, 1},
		"verified belongs to its address": {`{"email":"a@evil.example"}`, answers(full),
			identity.Principal{Name: "Jane", Email: "jane@example.com", Groups: []string{"payments-oncall"}}, 1},
		"verified without an address": {`{"email":"a@example.com"}`, answers(`{"email_verified":true}`),
			identity.Principal{Name: "a@example.com", Lookup: identity.GroupLookup{Result: identity.GroupsMissing}}, 1},
		"not verified there": {`{"groups":[]}`, answers(`{"email":"jane@example.com"}`),
			identity.Principal{Name: "jane@example.com", Lookup: identity.GroupLookup{Result: identity.GroupsEmpty}}, 1},
		"of another person": {`{}`, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"sub":"bob","groups":["payments-oncall"],"email":"b@example.com","email_verified":true}`)
		}, identity.Principal{Name: "alice", Lookup: identity.GroupLookup{Result: identity.GroupsUnanswered}}, 1},
		"of no person": {`{}`, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"groups":["payments-oncall"]}`) },
			identity.Principal{Name: "alice", Lookup: identity.GroupLookup{Result: identity.GroupsUnanswered}}, 1},
		"a member twice": {`{}`, answers(`{"groups":[],"groups":["payments-oncall"]}`),
			identity.Principal{Name: "alice", Lookup: identity.GroupLookup{Result: identity.GroupsUnanswered}}, 1},
		"no JSON": {`{}`, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `<html>`) },
			identity.Principal{Name: "alice", Lookup: identity.GroupLookup{Result: identity.GroupsUnanswered}}, 1},
		"refused": {`{"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"https://graph.example/"}}}`, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
			identity.Principal{Name: "alice", Lookup: identity.GroupLookup{Result: identity.GroupsOverage}}, 1},
		"elsewhere": {`{}`, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) },
			identity.Principal{Name: "alice", Lookup: identity.GroupLookup{Result: identity.GroupsUnanswered}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newSignIn(t)
			r.Keep, r.issuer.change, r.issuer.userinfo = keepNamed, claimsFrom(t, c.token), c.userinfo
			p, err := signInTo(t, r)
			if err != nil || p.Name != c.want.Name || p.Email != c.want.Email || !slices.Equal(p.Groups, c.want.Groups) ||
				p.Lookup.Result != c.want.Lookup.Result || p.Lookup.Claim != "groups" {
				t.Errorf("%+v, %v", p, err)
			}
			if n := r.issuer.asked.Load(); n != c.asked {
				t.Errorf("userinfo was asked %d times", n)
			}
		})
	}
}

// TestUserinfoIsNotCached proves that each sign-in asks the userinfo endpoint. The answer for one
// person is not used for another person who signs in one second later.
func TestUserinfoIsNotCached(t *testing.T) {
	r := newSignIn(t)
	r.Keep = keepNamed
	r.issuer.userinfo = func(w http.ResponseWriter, _ *http.Request) {
		if r.issuer.asked.Load() == 1 {
			io.WriteString(w, `{"sub":"alice","groups":["payments-oncall"]}`)
			return
		}
		io.WriteString(w, `{"sub":"bob","groups":["Domain Admins"]}`)
	}
	for _, c := range []struct{ subject, group string }{{"alice", "payments-oncall"}, {"bob", "Domain Admins"}} {
		r.issuer.change = func(claims map[string]any) { clearPerson(claims); claims["sub"] = c.subject }
		p, err := signInTo(t, r)
		if err != nil || p.Subject != c.subject || !slices.Equal(p.Groups, []string{c.group}) {
			t.Errorf("%s: %+v, %v", c.subject, p, err)
		}
		r.sessions.clock.Add(time.Second)
	}
}

// clearPerson removes the claims that describe a person, such as name and email.
func clearPerson(claims map[string]any) {
	for _, name := range []string{"name", "email", "email_verified", "groups"} {
		delete(claims, name)
	}
}

// TestUserinfoAddressMustBeSafe proves that the access token is sent to the userinfo endpoint
// only if its address has the scheme of the issuer.
func TestUserinfoAddressMustBeSafe(t *testing.T) {
	o := &OIDC{Issuer: "https://id.example"}
	for address, want := range map[string]bool{
		"https://id.example/userinfo": true, "https://api.example/userinfo": true,
		"http://id.example/userinfo": false, "//id.example/userinfo": false, "/userinfo": false, "https://u@id.example/": false, "https://": false, "": false,
	} {
		if got := o.isSafe(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}
