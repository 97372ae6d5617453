package emulator

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
)

// A wire is a cloud behind a real connection, and a client that shows what
// arrives there: no redirect followed, nothing sent twice.
type wire struct {
	*fixture
	url    string
	client *http.Client
}

func newWire(t *testing.T, faults string) *wire {
	t.Helper()
	f := newFixture(t)
	if err := f.SetFaults(faults); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(f.Cloud)
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(srv.Close)
	return &wire{f, srv.URL, client}
}

// signed is a good request, ready to be sent.
func (w *wire) signed(action string, own rpc.Params) rpc.Params {
	p := w.common(portal, action)
	maps.Copy(p, own)
	p["Signature"] = sign.Signature(portal.secret, sign.StringToSign("POST", p))
	return p
}

// seen is what a client gets of an answer.
type seen struct {
	status int
	header http.Header
	body   string
	err    error // of the request or, with a status, of reading the body
}

func (w *wire) post(t *testing.T, p rpc.Params) seen {
	t.Helper()
	form := url.Values{}
	for name, v := range p {
		form.Set(name, v)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := w.client.Do(r)
	if err != nil {
		return seen{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return seen{resp.StatusCode, resp.Header, string(body), err}
}

// create asks for a job.
func (w *wire) create(t *testing.T) seen {
	t.Helper()
	return w.post(t, w.signed("CreateBackupJob", instanceOrder()))
}

// object decodes a JSON answer; numbers keep their form.
func (s seen) object(t *testing.T) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(s.body))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		t.Fatalf("%.200q is no json object: %v", s.body, err)
	}
	return object
}

// lastCall is the ledger's word on the last call.
func (w *wire) lastCall(t *testing.T) Call {
	t.Helper()
	calls := w.Ledger().Calls
	if len(calls) == 0 {
		t.Fatal("the ledger has no call")
	}
	return calls[len(calls)-1]
}

// arrives reports what is wrong with the error of a client that should get one.
func arrives(got, want error) string {
	switch {
	case want == nil && got != nil:
		return "it got the error " + got.Error()
	case want != nil && !errors.Is(got, want):
		return "it got the error " + str(got) + ", not " + want.Error()
	}
	return ""
}
