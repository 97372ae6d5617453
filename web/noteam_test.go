package web_test

import (
	"bytes"
	"encoding/json"
	"html"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-jose/go-jose/v4"

	"backupportal/function/identity"
	"backupportal/web/auth"
)

// logTo makes the portal write its log to the returned buffer.
func (w *world) logTo() *bytes.Buffer {
	var out bytes.Buffer
	w.server.Log = slog.New(slog.NewJSONHandler(&out, nil))
	w.handler = w.server.Handler()
	return &out
}

// warnings returns the log lines in out that have this message, decoded.
func warnings(t *testing.T, out *bytes.Buffer, message string) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(out.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry["msg"] == message {
			lines = append(lines, entry)
		}
	}
	return lines
}

// TestNoTeamBehindGateway proves that, if a gateway signs people in, the page for a person in
// no team does not mention OIDC_SCOPES, which has no effect then.
func TestNoTeamBehindGateway(t *testing.T) {
	for mode, scopes := range map[auth.Mode]bool{auth.ModeJWT: false, auth.ModeOIDC: true} {
		w := newWorld(t)
		w.server.Mode = mode
		w.server.Sender = func(*http.Request) (identity.Principal, error) {
			return identity.Principal{
				Kind: identity.KindHuman, Issuer: "https://id.example", Subject: "s-17",
				Lookup: identity.GroupLookup{Claim: "roles", Result: identity.GroupsMissing},
			}, nil
		}
		w.handler = w.server.Handler()
		for _, language := range []string{"en", "zh-CN"} {
			page := w.ask("GET", "/", "", "", "Accept-Language", language).Body.String()
			if !strings.Contains(page, "OIDC_GROUPS_CLAIM") || strings.Contains(page, "OIDC_SCOPES") != scopes {
				t.Errorf("%s in %s: OIDC_SCOPES is named: %v", mode, language, !scopes)
			}
		}
	}
}

// TestPersonInNoTeamIsTold proves that if a signed-in person is in no team, every page says so
// and names the claims that the portal searched, in both languages.
func TestPersonInNoTeamIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	person := identity.Principal{
		Kind: identity.KindHuman, Issuer: "https://id.example", Subject: "s-17", Name: "Jane",
		Lookup: identity.GroupLookup{Claim: "realm_access.roles"},
	}
	w.server.Sender = func(*http.Request) (identity.Principal, error) { return person, nil }
	w.handler = w.server.Handler()
	for result, want := range map[identity.GroupResult][2]string{
		identity.GroupsFound:      {"The policy has changed since you signed in", "策略已更改"},
		identity.GroupsMissing:    {"did not send this claim", "没有发送此声明"},
		identity.GroupsUnanswered: {"gave no usable answer", "未给出可用的响应"},
		identity.GroupsOverage:    {"too many for a token", "群组过多"},
		identity.GroupsEmpty:      {"The claim is empty", "该声明为空"},
		identity.GroupsUnreadable: {"not a list, a text or an object", "不是包含群组名称"},
		identity.GroupsUnnamed:    {"no member with one of them", "使用其中任何群组的成员"},
	} {
		person.Lookup.Result = result
		for i, language := range []string{"en", "zh-CN"} {
			for _, path := range []string{"/", "/backups", "/backups/new"} {
				page := html.UnescapeString(w.ask("GET", path, "", "", "Accept-Language", language).Body.String())
				for _, text := range []string{want[i], "realm_access.roles", "https://id.example", "s-17", "iss", "sub", "email_verified"} {
					if !strings.Contains(page, text) {
						t.Errorf("%s in %s, %q: the page has no %q", path, language, result, text)
					}
				}
			}
		}
	}
	person.Email = "jane@example.com"
	if page := w.ask("GET", "/", "", "", "Accept-Language", "en").Body.String(); !strings.Contains(page, "verified address “jane@example.com”") {
		t.Error("the page does not name the verified address")
	}
	person = identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: "demo", Name: "demo"}
	if page := w.ask("GET", "/", "", "").Body.String(); strings.Contains(page, "in no team") {
		t.Error("a member of a team is told that there is none")
	}
}

// TestPersonInNoTeamIsLoggedOnceAnHour proves that the log has one warning an hour for each
// person in no team, with the names of claims and no values of them.
func TestPersonInNoTeamIsLoggedOnceAnHour(t *testing.T) {
	w := newWorld(t)
	out := w.logTo()
	person := identity.Principal{
		Kind: identity.KindHuman, Issuer: "https://id.example", Subject: "s-17", Name: "Jane", Email: "canary@example.com",
		Lookup: identity.GroupLookup{Claim: "roles", Result: identity.GroupsOverage},
	}
	w.server.Sender = func(*http.Request) (identity.Principal, error) { return person, nil }
	const message = "signed in without a team"
	for range 3 {
		w.ask("GET", "/", "", "")
		w.ask("GET", "/api/v1/backup-jobs", "", "")
	}
	lines := warnings(t, out, message)
	if len(lines) != 1 || lines[0]["level"] != "WARN" || lines[0]["groups"] != "overage" || lines[0]["subject"] != "s-17" || lines[0]["verified_email"] != true {
		t.Fatalf("%v", lines)
	}
	if claims, _ := json.Marshal(lines[0]["claims"]); string(claims) != `["iss","sub","roles","email","email_verified"]` {
		t.Errorf("claims %s", claims)
	}
	if strings.Contains(out.String(), "canary") {
		t.Error("the log has the address")
	}
	person.Subject = "s-18"
	w.ask("GET", "/", "", "")
	if n := len(warnings(t, out, message)); n != 2 {
		t.Errorf("another person: %d lines", n)
	}
	w.clock.Add(time.Hour)
	w.ask("GET", "/", "", "")
	if n := len(warnings(t, out, message)); n != 3 {
		t.Errorf("an hour later: %d lines", n)
	}
	person = identity.Principal{Kind: identity.KindSource, Subject: "ci"}
	w.ask("GET", "/api/v1/backup-jobs", "", "")
	if n := len(warnings(t, out, message)); n != 3 {
		t.Errorf("a program: %d lines", n)
	}
}

// TestOverageIsExplainedAfterSignIn proves that after a real sign-in the page explains if
// Microsoft Entra has left out the groups because there are too many (overage).
func TestOverageIsExplainedAfterSignIn(t *testing.T) {
	w, p := signInWorld(t)
	out := w.logTo()
	p.change = func(c map[string]any) {
		delete(c, "groups")
		maps.Copy(c, map[string]any{
			"_claim_names":   map[string]string{"groups": "src1"},
			"_claim_sources": map[string]any{"src1": map[string]string{"endpoint": "https://graph.windows.net/t/users/u/getMemberObjects"}},
		})
	}
	j := jar{}
	w.browse(t, j, "GET", auth.CallbackPath+"?"+w.begin(t, p, j, "/backups").Encode())
	r := httptest.NewRequest("GET", "https://localhost/", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-portal", Value: j["__Host-portal"]})
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	if page := answer.Body.String(); answer.Code != http.StatusOK || !strings.Contains(page, "groups overage") || !strings.Contains(page, "“groups”") {
		t.Errorf("%d, the page does not explain the overage", answer.Code)
	}
	if lines := warnings(t, out, "signed in without a team"); len(lines) != 1 || lines[0]["groups"] != "overage" {
		t.Errorf("%v", lines)
	}
}

// TestAlgorithmThatIsNotAcceptedIsNamed proves that at each door the error for a token with an
// unaccepted algorithm names the algorithm as the reason, for any other content of the token.
func TestAlgorithmThatIsNotAcceptedIsNamed(t *testing.T) {
	t.Parallel()
	for name, sign := range map[string]func(*liar) func([]byte) (string, error){
		"none": func(*liar) func([]byte) (string, error) {
			return func(c []byte) (string, error) { return unsigned(c), nil }
		},
		"RS512": func(p *liar) func([]byte) (string, error) { return signer(jose.RS512, p.key) },
		"PS256": func(p *liar) func([]byte) (string, error) { return signer(jose.PS256, p.key) },
		"HS256": func(*liar) func([]byte) (string, error) { return signer(jose.HS256, []byte(oidcSecret)) },
	} {
		w, p := pipelineWorld(t)
		p.sign = sign(p)
		for _, issuer := range []string{p.URL, "https://unknown.example"} {
			p.change = func(c map[string]any) { deploys(c); c["iss"] = issuer }
			answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Authorization", "Bearer "+p.token(t))
			if answer.Code != http.StatusUnauthorized || !strings.Contains(answer.Body.String(), "RS256 or ES256") || w.calls() != 0 {
				t.Errorf("pipeline, %s: %d %s", name, answer.Code, answer.Body)
			}
		}

		find, err := auth.Assertion{
			Header: "X-Assertion", Issuer: p.URL, Audience: "portal", JWKSURL: p.URL + "/keys", GroupsClaim: "groups",
			Keep: func(_, g string) bool { return true }, Now: w.clock.Now,
		}.Authenticator()
		if err != nil {
			t.Fatal(err)
		}
		w.server.Sender = find
		w.handler = w.server.Handler()
		for _, path := range []string{"/backups", "/api/v1/backup-jobs"} {
			answer := w.ask("GET", path, "", "", "X-Assertion", p.token(t))
			if answer.Code != http.StatusUnauthorized || !strings.Contains(answer.Body.String(), "RS256 or ES256") {
				t.Errorf("gateway, %s, %s: %d", name, path, answer.Code)
			}
		}

		w, p = signInWorld(t)
		p.sign = sign(p)
		j := jar{}
		answer := w.browse(t, j, "GET", auth.CallbackPath+"?"+w.begin(t, p, j, "/backups").Encode())
		var body bytes.Buffer
		body.ReadFrom(answer.Body)
		if answer.StatusCode != http.StatusBadGateway || !strings.Contains(body.String(), "RS256 or ES256") || w.signedIn(t, j) {
			t.Errorf("sign-in, %s: %d %s", name, answer.StatusCode, &body)
		}
	}
}

// TestPersonWithoutRightsIsToldWhomToAsk proves that the start page tells a person without
// rights whom to ask and what to send, in both languages. It does not tell that to a person
// with rights.
func TestPersonWithoutRightsIsToldWhomToAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	person := identity.Principal{Kind: identity.KindHuman, Issuer: "https://id.example", Subject: "s-17", Name: "Jane"}
	w.server.Sender = func(*http.Request) (identity.Principal, error) { return person, nil }
	w.handler = w.server.Handler()
	for language, want := range map[string][]string{
		"en":    {"You may not start backups yet", "Whom to askthe operator of this demo"},
		"zh-CN": {"您还没有发起备份的权限", "联系谁演示环境管理员"},
	} {
		doc, err := goquery.NewDocumentFromReader(w.ask("GET", "/", "", "", "Accept-Language", language).Body)
		if err != nil {
			t.Fatal(err)
		}
		page := strings.Join(strings.Fields(doc.Find("main").Text()), " ")
		for _, text := range append(want, "issuer: https://id.example subject: s-17") {
			if !strings.Contains(page, text) {
				t.Errorf("%s: the page has no %q: %s", language, text, page)
			}
		}
	}
	person = identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: "demo", Name: "demo"}
	if page := w.ask("GET", "/", "", "").Body.String(); strings.Contains(page, "Whom to ask") {
		t.Error("a person with rights is told whom to ask")
	}
}
